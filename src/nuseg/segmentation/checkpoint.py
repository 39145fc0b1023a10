"""What is done of a source: in memory, or on disk, where a killed segmentation goes on from it."""

import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path, check_folder
from nuseg.io.documents import DocumentError, check_stored, read_bytes
from nuseg.segmentation.part_check import check_part
from nuseg.text import one_line, shortened

SETTINGS = "settings.json"
SETTINGS_SIZE = 100_000_000  # bytes; a region may have many corners
Arrays = Mapping[str, np.ndarray]


class Checkpoint(Protocol):
    """Numbered parts of several kinds, each a set of arrays, whole or not there."""

    def has(self, kind: str, number: int) -> bool:
        """Whether a part is there."""
        ...

    def numbers(self, kind: str) -> list[int]:
        """Numbers of the parts that are there, sorted."""
        ...

    def save(self, kind: str, number: int, arrays: Arrays) -> None:
        """Keep a part."""
        ...

    def load(self, kind: str, number: int, names: list[str]) -> list[np.ndarray]:
        """Give some arrays of a part."""
        ...

    def remove(self) -> None:
        """Forget all parts."""
        ...


class MemoryCheckpoint:
    """Parts in memory: for sources whose nuclei are few."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, int], Arrays] = {}

    def has(self, kind: str, number: int) -> bool:
        """Whether a part is there."""
        return (kind, number) in self._parts

    def numbers(self, kind: str) -> list[int]:
        """Numbers of the parts that are there, sorted."""
        return sorted(number for other, number in self._parts if other == kind)

    def save(self, kind: str, number: int, arrays: Arrays) -> None:
        """Keep a part."""
        self._parts[kind, number] = dict(arrays)

    def load(self, kind: str, number: int, names: list[str]) -> list[np.ndarray]:
        """Give some arrays of a part."""
        part = self._parts[kind, number]
        return [part[name] for name in names]

    def remove(self) -> None:
        """Forget all parts."""
        self._parts.clear()


class FolderCheckpoint:
    """Parts in a folder, a file each.

    Parameters
    ----------
    folder : Path
        Is emptied if it was made with other settings.
    settings : mapping, optional
        All that the parts depend on, as JSON. Without them the folder is taken as it is: whoever made it looked.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        if settings is None:
            return
        text = json.dumps(settings, indent=2, sort_keys=True, default=str)
        path = folder / SETTINGS
        if not self._made_with(text):
            self.remove()
            with atomic_path(path) as temporary:
                temporary.write_text(text, encoding="utf-8")

    def _made_with(self, text: str) -> bool:
        try:
            return read_bytes(self.folder / SETTINGS, SETTINGS_SIZE) == text.encode()
        except DocumentError:  # none yet, or no file of ours
            return False

    def path(self, kind: str, number: int) -> Path:
        """Say where a part is."""
        return self.folder / f"{kind}-{number:07d}.npz"

    def has(self, kind: str, number: int) -> bool:
        """Whether a part is there."""
        return zipfile.is_zipfile(self.path(kind, number))

    def numbers(self, kind: str) -> list[int]:
        """Numbers of the parts that are there, sorted."""
        numbers = (path.stem.removeprefix(f"{kind}-") for path in self.folder.glob(f"{kind}-*.npz"))
        return sorted(int(number) for number in numbers if number.isascii() and number.isdigit())

    def save(self, kind: str, number: int, arrays: Arrays) -> None:
        """Write a part.

        Raises
        ------
        NusegError
            The disk is full, or the folder cannot be written, or is gone: it is not made anew, for it may be that of a
            drive that went.
        """
        check_folder(self.folder)
        if not self.folder.is_dir():
            raise NusegError(f"{self.folder}: gone; leave it until the slide is done, and segment it again")
        with atomic_path(self.path(kind, number)) as temporary:
            np.savez(temporary, **dict(arrays))  # type: ignore[arg-type]

    def load(self, kind: str, number: int, names: list[str]) -> list[np.ndarray]:
        """Read some arrays of a part.

        Raises
        ------
        NusegError
            It is damaged or gone, or the folder is none any more.
        """
        path = self.path(kind, number)
        try:
            check_stored(path)
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in names}
            check_part(arrays)
        except Exception as error:  # a damaged file makes NumPy and zipfile fail in every way
            check_folder(self.folder)
            if not path.exists():
                raise NusegError(
                    f"{path}: gone; leave {self.folder} until the slide is done, and segment it again"
                ) from error
            detail = shortened(one_line(error)) or type(error).__name__
            raise NusegError(f"{path}: damaged ({detail}); delete {self.folder} and segment the slide again") from error
        return list(arrays.values())

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
