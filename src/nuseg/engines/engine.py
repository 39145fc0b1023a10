"""What an engine is, and what loads it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nuseg.model.config import Precision
from nuseg.model.store import Model


class Engine(Protocol):
    """What runs a network: `(n, height, width, 3)` uint8 in, `(n, k, height, width)` float32 maps out, of 0..1."""

    def __call__(self, batch: np.ndarray, /) -> np.ndarray: ...


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
        what the model's configuration says); a device other than a CPU may leave both out of account. Raises
        `NusegError` where the device is not there, or the model's files are damaged.
    """

    name: str
    devices: tuple[str, ...]
    available: Callable[[str], bool]
    load: Callable[[Model, str, int | None, Precision | None], Engine]
