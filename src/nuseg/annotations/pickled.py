"""Pickled dicts of arrays, read without running anything of them.

NumPy keeps what is no array as a pickle, whose loading can call any function. Here only plain values and NumPy arrays
are built, by stand-ins of this module; every other name ends the reading."""

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from nuseg.errors import NusegError
from nuseg.text import in_short

_KINDS = "?biufcSU"  # types of array elements that are plain values


def read_pickled_dict(path: Path, what: str) -> dict[str, Any]:
    """Read a `.npy` file that holds one dict of plain values and arrays.

    Parameters
    ----------
    path : Path
    what : str
        What is expected there, for messages.

    Returns
    -------
    dict
        Arrays as NumPy arrays; paths as texts.

    Raises
    ------
    NusegError
        It is another kind of file, or its pickle holds more than plain values and arrays.
    """
    raw = path.read_bytes()
    file = io.BytesIO(raw)
    try:
        version = npy.read_magic(file)
        shape, _, dtype = npy.read_array_header_1_0(file) if version == (1, 0) else npy.read_array_header_2_0(file)
    except ValueError as error:
        raise NusegError(f"{path}: expected {what}, found no NumPy file ({in_short(error)}); save it again") from error
    if dtype != np.dtype(object) or shape != ():
        raise NusegError(f"{path}: expected {what}, found an array {shape} of {dtype}")
    try:
        held = _values(_Unpickler(file).load())
    except pickle.UnpicklingError as error:
        raise NusegError(
            f"{path}: cannot be read safely ({in_short(error)}); save it again with the program it is from"
        ) from error
    if isinstance(held, np.ndarray) and held.shape == ():
        held = held.item()
    if not isinstance(held, dict):
        raise NusegError(f"{path}: expected {what}, found a {type(held).__name__}")
    return held


class _Dtype:
    """Stands for a NumPy dtype of plain values."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code = str(code)

    def __setstate__(self, state: Any) -> None:
        order = state[1]
        if order in ("<", ">"):
            self.code = order + self.code.lstrip("<>|=")

    def made(self) -> np.dtype[Any]:
        dtype = np.dtype(self.code)
        if dtype.kind not in _KINDS.replace("?", "b") and dtype.kind != "O":
            raise pickle.UnpicklingError(f"an array of {dtype}")
        return dtype


class _Array:
    """Stands for a NumPy array until its content has come."""

    value: Any = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        self.fill(data, dtype, shape, "F" if fortran else "C")

    def fill(self, data: Any, dtype: Any, shape: Any, order: Any) -> None:
        if not isinstance(dtype, _Dtype):
            raise pickle.UnpicklingError("an array without a type")
        made = dtype.made()
        if made.kind == "O":
            if not isinstance(data, list):
                raise pickle.UnpicklingError("an array of objects that are not listed")
            self.value = data if shape != () else data[0]
        else:
            raw = data.encode("latin1") if isinstance(data, str) else data
            self.value = np.frombuffer(raw, made).reshape(shape, order=order)


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    array = _Array()
    array.fill(bytes(data), dtype, shape, order)
    return array


def _scalar(dtype: Any, data: Any) -> Any:
    array = _Array()
    array.fill(data, dtype, (), "C")
    return array.value[()]


def _path(*parts: Any) -> str:
    return "/".join(map(str, parts))


def _encode(text: str, _coding: str = "latin1") -> bytes:
    return text.encode("latin1")  # how older pickles keep bytes


class _NoClass:
    """Stands for the class of arrays, which is only named."""


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {("_codecs", "encode"): _encode, ("numpy", "dtype"): _Dtype}
_ALLOWED |= {("numpy", "ndarray"): _NoClass}
for _module in ("numpy.core", "numpy._core"):
    _ALLOWED[_module + ".multiarray", "_reconstruct"] = _reconstruct
    _ALLOWED[_module + ".multiarray", "scalar"] = _scalar
    _ALLOWED[_module + ".numeric", "_frombuffer"] = _from_buffer
for _module in ("pathlib", "pathlib._local"):
    for _class in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"):
        _ALLOWED[_module, _class] = _path


class _Unpickler(pickle.Unpickler):
    """Finds the stand-ins and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no array")
        return _ALLOWED[module, name]


def _values(held: Any) -> Any:
    """Put arrays in the place of their stand-ins."""
    if isinstance(held, _Array):
        return _values(held.value)
    if isinstance(held, dict):
        return {key: _values(value) for key, value in held.items() if isinstance(key, str)}
    if isinstance(held, list | tuple):
        return [_values(value) for value in held]
    return held
