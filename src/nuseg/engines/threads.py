"""How many CPU threads nuseg uses: one number that holds for everything it runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2


def available_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def limited_threads(threads: int | None) -> Iterator[int]:
    """Hold OpenCV to a number of threads for a while, and say how many there are to share out.

    The engine is told when it is loaded.

    Parameters
    ----------
    threads : int, optional
        Default: all cores that this process may use.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads or available_cores())
    try:
        yield threads or available_cores()
    finally:
        cv2.setNumThreads(before)
