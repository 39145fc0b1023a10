"""What is read back of a run folder, whoever made it: its checkpoints, its log, its record."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from nuseg.errors import NusegError
from nuseg.io.documents import DocumentError, read_table
from nuseg.model.torch_file import TorchFileError, load_numbers
from nuseg.text import one_line, shortened

ADVICE = "start a new run"
CHECKPOINT_PARTS = {"state_dict": dict, "callbacks": dict, "loops": dict, "optimizer_states": list, "epoch": int}


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; what it holds is numbers, texts, lists and dictionaries, and nothing of it is run.

    Raises
    ------
    NusegError
        It is damaged, or no checkpoint.
    """
    try:
        checkpoint = load_numbers(path)
        for part, kind in CHECKPOINT_PARTS.items():
            if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get(part), kind):
                raise TorchFileError(f"lacks the part {part}")
    except TorchFileError as error:
        raise NusegError(f"{path}: no checkpoint, or a damaged one ({error}): {ADVICE}") from error
    return dict(checkpoint)


@contextmanager
def going_on(checkpoint: Path | None, begun: Callable[[], bool]) -> Iterator[None]:
    """Say in one line that a training cannot go on from a checkpoint, where it fails before its first step.

    Raises
    ------
    NusegError
        In place of any other error; Lightning meets a checkpoint of another network, or with parts missing, in every
        way.
    """
    try:
        yield
    except NusegError:
        raise
    except Exception as error:
        if checkpoint is None or begun():
            raise
        detail = f"{type(error).__name__}: {shortened(one_line(error))}"
        raise NusegError(f"{checkpoint}: a training cannot go on from it ({detail}): {ADVICE}") from error


def fit_weights(module: nn.Module, checkpoint: dict[str, Any], path: Path) -> None:
    """Give a module the weights of a checkpoint that was read from `path`.

    Raises
    ------
    NusegError
        They are those of another network.
    """
    try:
        module.load_state_dict(checkpoint["state_dict"])
    except (RuntimeError, TypeError, AttributeError) as error:
        raise NusegError(
            f"{path}: the weights are not those of this network ({shortened(one_line(error))}): {ADVICE}"
        ) from error


def read_log(path: Path) -> pd.DataFrame:
    """Read the log of a training: one row per epoch, numbers alone.

    Raises
    ------
    NusegError
        It is no such table.
    """
    try:
        columns, rows = read_table(path)
        if "epoch" not in columns:
            raise DocumentError("no column epoch")
        return pd.DataFrame([[float(value or "nan") for value in row] for row in rows], columns=columns).astype(
            {"epoch": int}
        )
    except (ValueError, OverflowError) as error:  # DocumentError, a text or an infinite number
        raise NusegError(f"{path}: no log of a training, or a damaged one ({one_line(error)}): {ADVICE}") from error
