"""Names and paths that files hold: a name in a file never leads out of its folder."""

import os
import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated

from pydantic import AfterValidator

from nuseg.errors import NusegError

NAME_BYTES = 255  # what file systems take
PATH_CHARACTERS = 1_000
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # devices on Windows, in every folder
_PATH = re.compile(r"[/\\]|^.:|^\.\.?$")  # slashes of either kind, a drive, this folder or the one above


def plain_name(name: str) -> str:
    """Give back a name that can be that of one file or folder on every system.

    Raises
    ------
    ValueError
        It is empty, too long, a path, a device, or has characters that cannot be seen.
    """
    if not 0 < len(os.fsencode(name)) <= NAME_BYTES:
        raise ValueError(f"expected a name of 1 to {NAME_BYTES} bytes")
    if _PATH.search(name):
        raise ValueError("expected a plain name, no path")
    if not name.isprintable() or name != name.rstrip(" .") or _RESERVED.fullmatch(name):
        raise ValueError("expected a name that a file can have on every system")
    return name


def plain_name_of(text: str) -> str:
    """Make a plain name of a text that is none, by underscores."""
    name = "".join(character if character.isprintable() and character not in r"/\:" else "_" for character in text)
    name = os.fsencode(name)[:NAME_BYTES].decode(errors="ignore").rstrip(" .")
    return f"_{name}"[:NAME_BYTES] if not name or _RESERVED.fullmatch(name) else name


def inner_path(text: str) -> str:
    """Give back a relative path that stays in the folder that it starts from, on every system.

    Raises
    ------
    ValueError
        It is empty, too long, absolute, has a drive, or leads out.
    """
    windows = PureWindowsPath(text)
    if not text or "\0" in text or PurePosixPath(text).is_absolute() or windows.drive or windows.root:
        raise ValueError("expected a path within the folder")
    if ".." in windows.parts:  # these are the parts between slashes of either kind
        raise ValueError("expected a path within the folder")
    if len(text) > PATH_CHARACTERS or any(len(os.fsencode(part)) > NAME_BYTES for part in windows.parts):
        raise ValueError(f"expected at most {PATH_CHARACTERS:,} characters, {NAME_BYTES} bytes a name")
    return text


PlainName = Annotated[str, AfterValidator(plain_name)]
InnerPath = Annotated[str, AfterValidator(inner_path)]


def is_file(path: Path) -> bool:
    """Whether a path, whatever it looks like, is that of a regular file."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or has a zero byte
        return False


def refuse_links_out(folder: Path) -> None:
    """Refuse a folder, to be written into, that has links which lead out of it.

    Raises
    ------
    NusegError
        Naming the first.
    """
    inside = folder.resolve()
    for here, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(here, name)
            if path.is_symlink() and not path.resolve().is_relative_to(inside):
                raise NusegError(
                    f"{path}: a link that leads out of {folder}, where nothing is written: put what it names there"
                )
