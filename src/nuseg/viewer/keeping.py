"""What is made once and kept while there is room: the viewer's memory does not grow with what is looked at."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values that are made when they are first asked for.

    Many threads may ask. Those that ask for one value wait for the one that makes it; what was not asked for longest
    is given up first.

    Parameters
    ----------
    limit : int
        How much is kept, in what `size` counts; the newest value always is.
    size : function
        How large a value is.
    """

    def __init__(self, limit: int, size: Callable[[Value], int]) -> None:
        self._limit, self._size = limit, size
        self._values: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._making: dict[Hashable, tuple[Lock, list[None]]] = {}
        self._lock = Lock()
        self._total = 0

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Give the value of `key`, made by `make` if it is not at hand. An error is raised to all who wait."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
            turn, waiting = self._making.setdefault(key, (Lock(), []))
            waiting.append(None)
        try:
            with turn:
                with self._lock:
                    if key in self._values:
                        return self._values[key][0]
                value = make()
                self._keep(key, value)
                return value
        finally:
            with self._lock:
                waiting.pop()
                if not waiting:
                    self._making.pop(key, None)

    def forget(self, key: Hashable) -> None:
        """Give up a value."""
        with self._lock:
            if key in self._values:
                self._total -= self._values.pop(key)[1]

    @property
    def total(self) -> int:
        """How much is kept."""
        return self._total

    def _keep(self, key: Hashable, value: Value) -> None:
        size = self._size(value)
        with self._lock:
            self._values[key] = value, size
            self._total += size
            while self._total > self._limit and len(self._values) > 1:
                self._total -= self._values.popitem(last=False)[1][1]
