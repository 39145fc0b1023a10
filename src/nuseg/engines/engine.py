"""What an engine is, and what loads it."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from nuseg.model.config import Precision
from nuseg.model.store import Model
from nuseg.types import RGB


class Engine(Protocol):
    """What runs a network: `(n, height, width, 3)` uint8 in, `(n, k, height, width)` float32 maps out, of 0..1."""

    def __call__(self, batch: np.ndarray, /) -> np.ndarray: ...


@runtime_checkable
class Feeder(Protocol):
    """An engine that has several windows in work at a time, each given by itself; see also `Engine`.

    Attributes
    ----------
    notes : tuple of str
        What the user should know of what it did.
    """

    notes: tuple[str, ...]

    def __call__(self, batch: np.ndarray, /) -> np.ndarray: ...

    def submit(self, window: RGB, /) -> "Future[np.ndarray]":
        """Begin a window, `(height, width, 3)` uint8; its maps come as `(k, height, width)` uint8, 0..1 as 0..255."""
        ...

    def in_flight(self, pixels: int, /) -> int:
        """Windows of so many pixels to give it before the first one's maps are waited for, so that it never waits."""
        ...


@runtime_checkable
class ByteEngine(Protocol):
    """An engine that gives maps as bytes by itself, and so large windows in little memory; see also `Engine`."""

    def __call__(self, batch: np.ndarray, /) -> np.ndarray: ...

    def in_bytes(self, window: RGB, /) -> np.ndarray:
        """Maps of a window `(height, width, 3)` uint8: `(k, height, width)` uint8, 0..1 as 0..255, rounded."""
        ...

    def window_pixels(self) -> int:
        """How many pixels a window may have, given by itself, in the memory that is meant for it."""
        ...

    def release(self) -> None:
        """Give back the memory that large windows took; the next one takes it anew."""
        ...


@dataclass(frozen=True)
class Backend:
    """A library that runs networks on some devices.

    Attributes
    ----------
    name : str
        Of the library.
    devices : tuple of str
        Those that it serves, by the name under which they are asked for: "cpu", "cuda".
    available : callable
        Whether one of its devices is on this machine, and the library installed. Quick, and never raises.
    load : callable
        Loads a model to run on one of its devices, with so many CPU threads (None = all) and in a precision (None =
        what is best there); a device other than a CPU may leave the threads out of account. Of several devices of a
        kind one may be asked for by its number, as "cuda:0". Raises `NusegError` where the device is not there, or
        the model's files are damaged.
    """

    name: str
    devices: tuple[str, ...]
    available: Callable[[str], bool]
    load: Callable[[Model, str, int | None, Precision | None], Engine]


def window_pixels(engine: Engine | None) -> int:
    """How many pixels a window may have; 0 where the engine does not say."""
    return engine.window_pixels() if isinstance(engine, ByteEngine) else 0


def release_memory(engine: Engine) -> None:
    """Have an engine give back the memory that large windows took, where it can; see `ByteEngine`."""
    release = getattr(engine, "release", None)
    if release is not None:
        release()


def arithmetic_of(engine: Engine | None) -> str:
    """How an engine computes: two that say the same give the same maps. Empty where it does not say."""
    return str(getattr(engine, "arithmetic", ""))


def notes_of(engine: Engine) -> tuple[str, ...]:
    """What the user should know of what an engine did."""
    return tuple(getattr(engine, "notes", ()))
