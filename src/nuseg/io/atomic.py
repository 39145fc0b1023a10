"""Files that appear under their final name only when they are whole."""

import secrets
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
    temporary = path.with_name(f".{secrets.token_hex(6)}-{path.name[-KEPT_CHARACTERS:]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise NusegError(
            f"{path}: cannot be written ({reason}); check the folder's permissions and the free disk space"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
