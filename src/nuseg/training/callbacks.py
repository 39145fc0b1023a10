"""Checkpoints that survive a kill, a log of epochs that survives a resume, and how far the running epoch is."""

import time
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.plugins.io import TorchCheckpointIO

from nuseg.io.atomic import atomic_path
from nuseg.progress import Progress
from nuseg.training.run_files import load_checkpoint, read_log
from nuseg.training.telling import Teller


class AtomicCheckpoints(TorchCheckpointIO):
    """Write every checkpoint under a temporary name first: a kill never leaves half of one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        with atomic_path(Path(path)) as temporary:
            super().save_checkpoint(checkpoint, temporary, storage_options)

    def load_checkpoint(self, path: Any, *_: Any, **__: Any) -> dict[str, Any]:
        return load_checkpoint(Path(path))

    def remove_checkpoint(self, path: Any) -> None:
        """Nothing: both are replaced under their own names. Lightning would remove what a checkpoint names as older."""


class RunCheckpoint(ModelCheckpoint):
    """A checkpoint of the run's own folder, wherever that lies by now: a run that was moved goes on.

    Lightning stores whole paths, and removes what lies there when a better epoch comes.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        def here(path: str) -> str:
            return str(Path(str(self.dirpath)) / Path(path).name) if path else path

        paths = {key: here(state_dict[key]) for key in ("best_model_path", "kth_best_model_path", "last_model_path")}
        best = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **paths, "best_k_models": best, "dirpath": self.dirpath})


class Patience(EarlyStopping):
    """Stop after some epochs without a better score; a run that has stopped so trains no more when it goes on."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({**state_dict, "patience": self.patience})  # it may have been raised

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        trainer.should_stop = self.wait_count >= self.patience


class CurvesFromOne(TensorBoardLogger):
    """Curves for TensorBoard, whose epochs count from 1 as everywhere."""

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        counted = {name: value + 1 if name == "epoch" else value for name, value in metrics.items()}
        super().log_metrics(counted, step)


class EpochLog(L.Callback):
    """One row in a CSV file and one printed line for every epoch, counted from 1."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[Hashable, Any]] = []

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.path.is_file():  # resumed: keep the epochs that the checkpoint has behind it
            rows = read_log(self.path)
            self.rows = rows[rows["epoch"] <= trainer.current_epoch].to_dict("records")

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.started = time.monotonic()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        scores: dict[Hashable, Any] = {name: float(value) for name, value in trainer.callback_metrics.items()}
        epoch = trainer.current_epoch + 1
        seconds = round(time.monotonic() - self.started, 1)
        self.rows.append({"epoch": epoch, "seconds": seconds, **scores})
        with atomic_path(self.path) as temporary:
            pd.DataFrame(self.rows).to_csv(temporary, index=False)
        text = "  ".join(f"{name} {value:.4f}" for name, value in scores.items())
        print(f"epoch {epoch}/{trainer.max_epochs}  {seconds:.0f} s  {text}", flush=True)


class EpochProgress(L.Callback):
    """Say how far the running epoch is; what was said is gone when the epoch's line in the log is printed."""

    def __init__(self) -> None:
        self.teller = Teller()

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        self.tell(trainer, "", trainer.fit_loop.batch_idx + 1, trainer.num_training_batches)

    def on_validation_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        self.tell(trainer, ", validating", batch_idx + 1, trainer.num_val_batches[0])

    def tell(self, trainer: L.Trainer, what: str, done: int, total: float) -> None:
        if trainer.is_global_zero:
            self.teller(Progress(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}{what}", done, int(total)))

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.teller.close()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self.teller.close()
