"""Engines for several threads, which can be stopped."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Lock
from typing import Any

import numpy as np

from nuseg.engines.engine import ByteEngine, Engine, Feeder, arithmetic_of, notes_of, release_memory
from nuseg.segmentation.stopping import Stop, Stopped
from nuseg.types import RGB


def guard_engine(engine: Engine, stop: Stop) -> Engine:
    """Make an engine for several threads: until it is stopped, it runs one call at a time, or all that it takes."""
    if isinstance(engine, Feeder):
        return GuardedFeeder(engine, stop)
    return GuardedByteEngine(engine, stop) if isinstance(engine, ByteEngine) else GuardedEngine(engine, stop)


class GuardedEngine:
    """An engine that runs one call at a time, from any thread, until it is stopped; see `Engine`."""

    def __init__(self, engine: Engine, stop: Stop) -> None:
        self._engine = engine
        self._in_turn = one_at_a_time()
        self._call = stop.guard(self._in_turn)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of what the engine did."""
        return notes_of(self._engine)

    @property
    def arithmetic(self) -> str:
        """How the engine computes; see `nuseg.engines.engine.arithmetic_of`."""
        return arithmetic_of(self._engine)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Run the network; see `Engine`.

        Raises
        ------
        Stopped
            After a stop.
        """
        maps: np.ndarray = self._call(partial(self._engine, batch))
        return maps

    def release(self) -> None:
        """Give back the memory that windows took, after a stop as well; see `ByteEngine`."""
        self._in_turn(partial(release_memory, self._engine))


def one_at_a_time() -> Callable[[Callable[[], Any]], Any]:
    """Make a function that calls functions from any thread, one at a time."""
    turn = Lock()

    def call(function: Callable[[], Any]) -> Any:
        with turn:
            return function()

    return call


class GuardedByteEngine(GuardedEngine):
    """An engine that also gives maps as bytes, one call at a time, from any thread, until it is stopped."""

    def __init__(self, engine: ByteEngine, stop: Stop) -> None:
        super().__init__(engine, stop)
        self._bytes = engine

    def in_bytes(self, window: RGB) -> np.ndarray:
        """Run the network over a window; see `ByteEngine`, and `GuardedEngine` for what it raises."""
        maps: np.ndarray = self._call(partial(self._bytes.in_bytes, window))
        return maps

    def window_pixels(self) -> int:
        """How many pixels a window may have; see `ByteEngine`, and `GuardedEngine` for what it raises."""
        pixels: int = self._call(self._bytes.window_pixels)
        return pixels


class GuardedFeeder(GuardedEngine):
    """An engine that has several windows in work, from any thread, until it is stopped; see `Feeder`."""

    def __init__(self, engine: Feeder, stop: Stop) -> None:
        super().__init__(engine, stop)
        self._feeder, self._stop = engine, stop

    def submit(self, window: RGB) -> "Future[np.ndarray]":
        """Begin a window; see `Feeder`.

        Raises
        ------
        Stopped
            After a stop.
        """
        if self._stop.asked:
            raise Stopped
        return self._feeder.submit(window)

    def in_flight(self, pixels: int) -> int:
        """Windows to give before the first one is waited for; see `Feeder`."""
        return self._feeder.in_flight(pixels)
