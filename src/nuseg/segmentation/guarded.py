"""Engines for several threads, which can be stopped."""

from concurrent.futures import Future

import numpy as np

from nuseg.engines.engine import Engine, Feeder
from nuseg.segmentation.stopping import Stop, Stopped
from nuseg.types import RGB


def guard_engine(engine: Engine, stop: Stop) -> Engine:
    """Make an engine for several threads: until it is stopped, it runs one call at a time, or all that it takes."""
    return GuardedFeeder(engine, stop) if isinstance(engine, Feeder) else stop.guard(engine)


class GuardedFeeder:
    """An engine that has several windows in work, from any thread, until it is stopped; see `Feeder`."""

    def __init__(self, engine: Feeder, stop: Stop) -> None:
        self._engine, self._stop = engine, stop
        self._call = stop.guard(engine)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of what the engine did."""
        return self._engine.notes

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Run the network; see `Engine`."""
        return self._call(batch)

    def submit(self, window: RGB) -> "Future[np.ndarray]":
        """Begin a window; see `Feeder`.

        Raises
        ------
        Stopped
            After a stop.
        """
        if self._stop.asked:
            raise Stopped
        return self._engine.submit(window)

    def in_flight(self, pixels: int) -> int:
        """Windows to give before the first one is waited for; see `Feeder`."""
        return self._engine.in_flight(pixels)
