"""The bar for the running epoch."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from nuseg.training import callbacks, telling


def run_epoch(monkeypatch: pytest.MonkeyPatch, is_terminal: bool) -> str:
    """Call the hooks of one epoch of three steps and two validation images; gives what the bar wrote."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=is_terminal, width=80)
    monkeypatch.setattr(telling, "Console", lambda **_: console)
    loop = SimpleNamespace(batch_idx=0)
    trainer = SimpleNamespace(
        is_global_zero=True,
        current_epoch=4,
        max_epochs=40,
        num_training_batches=3,
        num_val_batches=[2],
        fit_loop=loop,
    )
    told = callbacks.EpochProgress()
    for loop.batch_idx in range(3):
        told.on_train_batch_end(trainer, None)
    for number in range(2):
        told.on_validation_batch_end(trainer, None, None, None, number)
    told.on_train_epoch_end(trainer, None)
    return written.getvalue()


def test_a_terminal_shows_steps_and_then_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    written = run_epoch(monkeypatch, is_terminal=True)
    steps, validation = written.index("epoch 5/40"), written.index("validating")
    assert "3/3" in written[steps:validation]
    assert "2/2" in written[validation:]
    assert written.endswith("\x1b[1A\x1b[2K"), "the bar is left on the screen"


def test_a_pipe_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_epoch(monkeypatch, is_terminal=False) == ""


def test_a_pipe_gets_a_line_where_a_minute_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.0, 0.0, 30.0, 61.0, 90.0, 110.0, 125.0])
    lines = telling.LogLines
    monkeypatch.setattr(telling, "LogLines", lambda write, each: lines(write, each, lambda: next(seconds)))
    written = run_epoch(monkeypatch, is_terminal=False)
    assert written == "epoch 5/40, 2 of 3\nepoch 5/40, validating, 2 of 2\n"
