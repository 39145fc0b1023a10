"""Ctrl-C and SIGTERM: the same orderly end, with the exit codes that shells know."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
PATIENCE = 0.5  # s for threads that have nothing more to do


class Terminated(KeyboardInterrupt):
    """SIGTERM came: a scheduler or the system asks the process to end."""


@contextmanager
def term_interrupts() -> Iterator[None]:
    """Make SIGTERM raise `Terminated`, as Ctrl-C raises KeyboardInterrupt."""

    def terminate(_number: int, _frame: FrameType | None) -> NoReturn:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's alone
        yield
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """The exit code of a process that was asked to end."""
    return EXIT_CODES[signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT]


def leave(code: int) -> None:
    """End the process at once if threads still work at what was given up; else do nothing."""
    others = [thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()]
    for thread in others:
        thread.join(PATIENCE)
    if any(thread.is_alive() for thread in others):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
