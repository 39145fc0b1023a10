"""PyTorch files of numbers: written to the same bytes for the same numbers, read without running what they hold."""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nuseg.io.atomic import atomic_path
from nuseg.io.documents import DocumentError, check_stored
from nuseg.text import one_line, shortened


class TorchFileError(ValueError):
    """Why a file cannot be read, in one short line without the file's name."""


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write named tensors, whole or not at all; the bytes depend on names, order and values alone.

    Raises
    ------
    NusegError
        The operating system refuses.
    """
    # A tensor may be a view of a larger one, or lie in memory in another order.
    plain = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    content = io.BytesIO()  # given a path, PyTorch would write its name into the file
    torch.save(plain, content)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getvalue())


def load_numbers(path: Path) -> Any:
    """Read a file of tensors, numbers, texts, lists and dictionaries; anything else in it is refused, not made.

    Raises
    ------
    TorchFileError
        It is damaged, larger when unpacked, or holds anything else.
    """
    try:
        check_stored(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except DocumentError as error:
        raise TorchFileError(str(error)) from error
    except pickle.UnpicklingError as error:
        raise TorchFileError("holds more than tensors, numbers and texts, or is damaged") from error
    except Exception as error:  # a damaged or hostile file makes PyTorch fail in every way
        raise TorchFileError(shortened(one_line(error)) or type(error).__name__) from error


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read named tensors; see `load_numbers`.

    Raises
    ------
    TorchFileError
        Also where it holds no named tensors.
    """
    found = load_numbers(path)
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise TorchFileError("holds no named tensors")
    return found
