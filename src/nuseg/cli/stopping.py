"""Ctrl-C and SIGTERM end a command at once, but in an orderly way: what is done is kept."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 0.5  # s for threads that have nothing more to do
AT_ONCE = 2.0  # s; within them a second signal is the same one: programs such as `timeout` send it twice


class Stopped(BaseException):
    """The process was asked to end. No `Exception`: nothing that goes on after errors may go on after this."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def exit_code(self) -> int:
        """As shells state it: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.number


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise `Stopped` on Ctrl-C and SIGTERM.

    Whatever error comes of the signal, such as that of a library whose own processes got it as well, is `Stopped`.
    Who asks again, because ending takes long, ends the process as it is.
    """
    owner, received = os.getpid(), list[tuple[int, float]]()

    def stop(number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if os.getpid() == owner and not received:
            received.append((number, now))
            raise Stopped(number)
        if os.getpid() != owner or now - received[0][1] > AT_ONCE:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    numbers = signal.SIGINT, signal.SIGTERM
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    except BaseException as error:
        if received and not isinstance(error, Stopped):
            raise Stopped(received[0][0]) from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave(code: int) -> None:
    """End the process at once if threads still work at what was given up; else do nothing."""
    others = [thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()]
    for thread in others:
        thread.join(PATIENCE)
    if any(thread.is_alive() for thread in others):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
