"""Zip archives from strangers: what they hold, and unpacking them without leaving the folder."""

import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from zipfile import BadZipFile, ZipFile, ZipInfo, is_zipfile

from nuseg.errors import NusegError
from nuseg.text import in_short, plural

MOST_FILES = 200_000
MOST_BYTES = 1 << 34
"""Unpacked size of an archive that is read at most: 16 GiB."""


def is_archive(path: Path) -> bool:
    """Whether a file is a zip archive by name and content."""
    return path.suffix.lower() == ".zip" and path.is_file() and is_zipfile(path)


@contextmanager
def opened(path: Path) -> Iterator[tuple[ZipFile, list[ZipInfo]]]:
    """Open an archive and list its files, without hidden ones and those that macOS adds.

    Raises
    ------
    NusegError
        It is damaged, encrypted, holds too much, or files that would lie outside of the folder it is unpacked to.
    """
    try:
        with ZipFile(path) as archive:
            files = [one for one in archive.infolist() if not one.filename.endswith("/")]
            _check(path, files)
            yield archive, [one for one in files if not _hidden(one.filename)]
    except (BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error) as problem:
        if isinstance(problem, NusegError):
            raise
        raise NusegError(f"{path}: damaged zip archive ({in_short(problem)}); copy it again") from problem


@contextmanager
def unpacked(path: Path, parent: Path | None = None) -> Iterator[Path]:
    """Unpack an archive to a temporary folder, which goes with the block.

    Parameters
    ----------
    path : Path
    parent : Path, optional
        Folder to make it in; default: that of the system for temporary files.

    Raises
    ------
    NusegError
        See `opened`.
    """
    with TemporaryDirectory(prefix=".nuseg-", dir=parent) as folder, opened(path) as (archive, files):
        for one in files:
            archive.extract(one, folder)
        yield Path(folder)


def _check(path: Path, files: list[ZipInfo]) -> None:
    size = sum(one.file_size for one in files)
    if len(files) > MOST_FILES or size > MOST_BYTES:
        raise NusegError(
            f"{path}: holds {plural(len(files), 'file')} of {size >> 20} MiB, expected at most {MOST_FILES} of "
            f"{MOST_BYTES >> 20} MiB; unpack it yourself if you trust it"
        )
    for one in files:
        name = PurePosixPath(one.filename.replace("\\", "/"))
        if not name.parts:
            raise NusegError(f"{path}: damaged zip archive (a file in it has no name); copy it again")
        outside = name.is_absolute() or ".." in name.parts or ":" in name.parts[0]
        if outside or stat.S_ISLNK(one.external_attr >> 16):
            what = "lies outside of the archive" if outside else "is a link"
            raise NusegError(f"{path}: the file {one.filename[:200]!r} in it {what}, which is not unpacked")
        if one.flag_bits & 1:
            raise NusegError(f"{path}: is encrypted; unpack it yourself")


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)
