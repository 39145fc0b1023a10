"""Files and folders that appear under their final name only when they are whole."""

import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nuseg.errors import NusegError

# Enough for any suffix, and few enough for a file system's limit of 255 bytes a name.
KEPT_CHARACTERS = 50


def check_folder(folder: Path) -> None:
    """Refuse a folder for results that is a file, or lies below one; to be said before the work, not after it.

    Raises
    ------
    NusegError
        Naming the file.
    """
    for place in (folder, *folder.parents):
        if place.is_file():
            what = "it" if place == folder else place
            raise NusegError(f"{folder}: cannot be written, because {what} is a file; choose another folder")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to, and move it to `path` when the block ends well.

    The temporary file lies in the same folder (so that the move is atomic), is hidden (its name begins with a
    dot) and ends as `path` does, suffixes included. When the block fails, for whatever reason, it is removed
    and an older file at `path` is left as it was.

    Parameters
    ----------
    path
        The final place. Its folder is created if needed.

    Yields
    ------
    Path
        Where the block must write one file.

    Raises
    ------
    NusegError
        If the operating system refuses: no permission, disk full, a folder of that name.
    """
    path = Path(path)
    if path.is_dir():
        raise NusegError(f"{path}: cannot be written, because a folder has this name; choose another name")
    check_folder(path.parent)
    temporary = hidden_beside(path)
    try:
        with readable_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give a temporary empty folder to fill, and move it to `path` when the block ends well.

    As `atomic_path`, for results that are folders. An older folder at `path` is moved away first and then
    removed: a file system replaces none that is not empty.

    Parameters
    ----------
    path
        The final place. Its folder is created if needed.

    Yields
    ------
    Path
        The folder to fill.

    Raises
    ------
    NusegError
        If the operating system refuses: no permission, disk full, a file of that name.
    """
    path = Path(path)
    check_folder(path)
    temporary, older = hidden_beside(path), hidden_beside(path)
    try:
        with readable_errors(path):
            temporary.mkdir(parents=True)
            yield temporary
            if path.exists():
                path.replace(older)
            try:
                temporary.replace(path)
            except OSError:
                if older.exists():
                    older.replace(path)
                raise
    finally:
        for leftover in (temporary, older):
            remove_folder(leftover)


def remove_folder(folder: Path, pause: float = 0.1, looks: int = 20) -> None:
    """Remove a folder, if there is one, for good.

    After an error, threads of the library that filled it may still write for a moment, and make it again: it is
    looked at again after a pause (s) until it stays away.
    """
    for _ in range(looks):
        if not folder.exists():
            return
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(pause)


def hidden_beside(path: Path) -> Path:
    """Make up a temporary name in the same folder that ends as `path` does."""
    return path.with_name(f".{secrets.token_hex(6)}-{path.name[-KEPT_CHARACTERS:]}")


@contextmanager
def readable_errors(path: Path) -> Iterator[None]:
    """Say in one line what the operating system refused about `path`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise NusegError(
            f"{path}: cannot be written ({reason}); check the folder's permissions and the free disk space"
        ) from error
