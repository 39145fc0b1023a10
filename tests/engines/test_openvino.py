"""OpenVINO in a process that goes on after its engines."""

import ctypes
import gc
import sys

import pytest

from dark_model import save_dark_model
from nuseg.engines.loading import load_engine


class Stack(ctypes.Structure):
    """`stack_t` of sigaltstack(2)."""

    _fields_ = (("address", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


def signal_stack() -> tuple[int | None, int]:
    """Address and flags of the stack that this thread's signals use."""
    stack = Stack()
    assert ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack)) == 0
    return stack.address, stack.flags


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal stacks")
def test_engines_that_go_in_the_order_they_came_leave_no_freed_stack_for_signals(tmp_path):
    model = save_dark_model(tmp_path / "dark")
    load_engine(model, "cpu")
    before = signal_stack()
    first = load_engine(model, "cpu")
    second = load_engine(model, "cpu")
    del first
    gc.collect()
    del second
    gc.collect()
    assert signal_stack() == before
