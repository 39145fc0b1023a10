"""To stop work that threads do: between two calls of the network, or between two parts of an output."""

import time
from collections.abc import Callable
from threading import Event, Lock
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")
LOOK = 0.05  # s


class Stopped(BaseException):
    """Work was stopped, which is no fault of the image."""


class Stop:
    """Asks threads to stop; they notice when they next call a function that `guard` made."""

    def __init__(self) -> None:
        self._asked = Event()
        self._busy = 0
        self._count = Lock()

    def __call__(self) -> None:
        """Ask."""
        self._asked.set()

    @property
    def asked(self) -> bool:
        """Whether it was asked for."""
        return self._asked.is_set()

    def guard(self, function: Callable[[Given], Made], brief: bool = False) -> Callable[[Given], Made]:
        """Make a function that threads call one at a time, until it is asked to stop: then it raises `Stopped`.

        `wait` waits for its calls, unless they are `brief`.
        """
        turn = Lock()

        def call(given: Given) -> Made:
            with turn:
                if self.asked:
                    raise Stopped
                if brief:
                    return function(given)
                self._add(1)
                try:
                    return function(given)
                finally:
                    self._add(-1)

        return call

    def wait(self, is_done: Callable[[], bool], longest: float, afterwards: float) -> bool:
        """Wait until all is done; gives up some time after the last guarded call has ended.

        Parameters
        ----------
        is_done : function
            Whether all is done.
        longest : float
            How long a running call is waited for (s).
        afterwards : float
            How long what comes after it is waited for (s).
        """
        begun = idle = time.monotonic()
        while not is_done():
            now = time.monotonic()
            if self._busy and now - begun < longest:
                idle = now
            if now - idle > afterwards:
                return False
            time.sleep(LOOK)
        return True

    def _add(self, calls: int) -> None:
        with self._count:
            self._busy += calls
