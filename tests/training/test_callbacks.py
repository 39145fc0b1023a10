"""The bar for the running epoch."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from nuseg.training import callbacks


def run_epoch(monkeypatch: pytest.MonkeyPatch, is_terminal: bool) -> str:
    """Call the hooks of one epoch of three steps and two validation images; gives what the bar wrote."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=is_terminal, width=80)
    monkeypatch.setattr(callbacks, "Console", lambda stderr: console)
    trainer = SimpleNamespace(
        is_global_zero=True, current_epoch=4, max_epochs=40, num_training_batches=3, num_val_batches=[2]
    )
    bar = callbacks.EpochBar()
    bar.on_train_epoch_start(trainer, None)
    for _ in range(3):
        bar.on_train_batch_end(trainer, None)
    if bar.bar is not None:
        bar.bar.refresh()
    bar.on_validation_epoch_start(trainer, None)
    for _ in range(2):
        bar.on_validation_batch_end(trainer, None)
    bar.on_train_epoch_end(trainer, None)
    assert bar.bar is None
    return written.getvalue()


def test_a_terminal_shows_steps_and_then_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    written = run_epoch(monkeypatch, is_terminal=True)
    steps, validation = written.index("epoch 5/40"), written.index("validating")
    assert "3/3" in written[steps:validation]
    assert "2/2" in written[validation:]
    assert written.endswith("\x1b[1A\x1b[2K"), "the bar is left on the screen"


def test_a_pipe_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_epoch(monkeypatch, is_terminal=False) == ""
