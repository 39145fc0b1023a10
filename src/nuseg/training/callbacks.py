"""Checkpoints that survive a kill, and a log of epochs that survives a resume."""

import sys
import time
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
from lightning.pytorch.plugins.io import TorchCheckpointIO

from nuseg.io.atomic import atomic_path


class AtomicCheckpoints(TorchCheckpointIO):
    """Write every checkpoint under a temporary name first: a kill never leaves half of one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        with atomic_path(Path(path)) as temporary:
            super().save_checkpoint(checkpoint, temporary, storage_options)


class EpochLog(L.Callback):
    """One row an epoch in a CSV file and, where there is no terminal for a progress bar, one printed line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[Hashable, Any]] = []

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.path.is_file():  # resumed: keep the epochs that the checkpoint has behind it
            rows = pd.read_csv(self.path)
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
        if not sys.stdout.isatty():
            text = "  ".join(f"{name} {value:.4f}" for name, value in scores.items())
            print(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}  {seconds:.0f} s  {text}", flush=True)
