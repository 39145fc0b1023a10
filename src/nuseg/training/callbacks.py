"""Checkpoints that survive a kill, a log of epochs that survives a resume, and a bar for the running epoch."""

import time
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
from lightning.pytorch.plugins.io import TorchCheckpointIO
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nuseg.io.atomic import atomic_path
from nuseg.training.run_files import load_checkpoint, read_log


class AtomicCheckpoints(TorchCheckpointIO):
    """Write every checkpoint under a temporary name first: a kill never leaves half of one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        with atomic_path(Path(path)) as temporary:
            super().save_checkpoint(checkpoint, temporary, storage_options)

    def load_checkpoint(self, path: Any, *_: Any, **__: Any) -> dict[str, Any]:
        return load_checkpoint(Path(path))

    def remove_checkpoint(self, path: Any) -> None:
        """Nothing: both are replaced under their own names. Lightning would remove what a checkpoint names as older."""


class EpochLog(L.Callback):
    """One row in a CSV file and one printed line for every epoch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[Hashable, Any]] = []

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.path.is_file():  # resumed: keep the epochs that the checkpoint has behind it
            rows = read_log(self.path)
            self.rows = rows[rows["epoch"] < trainer.current_epoch].to_dict("records")

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.started = time.monotonic()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        scores: dict[Hashable, Any] = {name: float(value) for name, value in trainer.callback_metrics.items()}
        seconds = round(time.monotonic() - self.started, 1)
        self.rows.append({"epoch": trainer.current_epoch, "seconds": seconds, **scores})
        with atomic_path(self.path) as temporary:
            pd.DataFrame(self.rows).to_csv(temporary, index=False)
        text = "  ".join(f"{name} {value:.4f}" for name, value in scores.items())
        print(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}  {seconds:.0f} s  {text}", flush=True)


class EpochBar(L.Callback):
    """Show on a terminal's stderr how far the running epoch is; gone when its line in the log is printed."""

    bar: Progress | None = None

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        console = Console(stderr=True)
        if not (trainer.is_global_zero and console.is_terminal):
            return
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        # Not redirected: what is printed belongs to stdout, which may be a file.
        self.bar = Progress(*columns, console=console, transient=True, redirect_stdout=False)
        epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        self.task = self.bar.add_task(epoch, total=trainer.num_training_batches)
        self.bar.start()

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        if self.bar is not None:
            self.bar.advance(self.task)

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.bar is not None:
            images = trainer.num_val_batches[0]
            self.bar.update(self.task, description="validating", completed=0, total=images)

    def on_validation_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        if self.bar is not None:
            self.bar.advance(self.task)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.close()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self.close()

    def close(self) -> None:
        """Take the bar off the screen."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
