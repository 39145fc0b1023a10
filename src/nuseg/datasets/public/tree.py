"""The files of a public dataset, whatever folders and archives a user keeps them in."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from nuseg.annotations.archives import MOST_FILES, is_archive, opened, unpacked
from nuseg.datasets.names import stem
from nuseg.errors import NusegError
from nuseg.text import plural

MOST_UNPACKED = 1 << 36
"""Unpacked size of all archives of a dataset that is read at most: 64 GiB."""
_ARCHIVES_DOWN = 1  # folders below a given one in which archives are looked for
_ARCHIVES_WITHIN = 2  # archives in archives
_MADE_BY_NUSEG = "dataset.json"
_NOT_OURS = ".roi"  # archives of these alone are annotations of ImageJ


@dataclass(frozen=True)
class File:
    """A file of a dataset.

    Attributes
    ----------
    path : Path
    folders : tuple of str
        Names of the folders that it lies in, in lower case, from what the user gave downwards; that of an archive
        without its suffix.
    """

    path: Path
    folders: tuple[str, ...]

    @cached_property
    def stem(self) -> str:
        """Name without suffix."""
        return stem(self.path)

    @property
    def suffix(self) -> str:
        """Suffix in lower case, with the dot."""
        return self.path.suffix.lower()

    def within(self, pattern: str) -> bool:
        """Say whether a folder's whole name fits a regular expression."""
        return any(re.fullmatch(pattern, folder) for folder in self.folders)

    def first_of(self, patterns: Sequence[tuple[str, str]]) -> str | None:
        """Name the pattern that the nearest folder fits of all that fit one; None if none does."""
        for folder in reversed(self.folders):
            for name, pattern in patterns:
                if re.fullmatch(pattern, folder):
                    return name
        return None


@dataclass(frozen=True)
class Tree:
    """All files that a user gave as a dataset.

    Attributes
    ----------
    places : tuple of Path
        What was given: folders and archives.
    files : tuple of File
        In the order of their paths, without hidden ones.
    archives : mapping of Path to Path
        Folders that archives are unpacked to, and the archives.
    """

    places: tuple[Path, ...]
    files: tuple[File, ...]
    archives: Mapping[Path, Path] = field(default_factory=dict)

    def select(self, suffixes: Sequence[str], within: str = "", without: str = "") -> list[File]:
        """Give the files of some suffixes that lie in a folder of one name, and in none of another.

        Parameters
        ----------
        suffixes : sequence of str
            In lower case, with the dot.
        within, without : str
            Regular expressions for the whole name of a folder, in lower case; empty: any, none.
        """
        return [
            file
            for file in self.files
            if file.suffix in suffixes
            and (not within or file.within(within))
            and not (without and file.within(without))
        ]

    def named(self, text: str) -> str:
        """Name archives in a message in place of the folders that they are unpacked to."""
        for folder, archive in self.archives.items():
            text = text.replace(str(folder), str(archive))
        return text

    def __str__(self) -> str:
        return ", ".join(map(str, self.places))

    @property
    def found(self) -> str:
        """What there is, in a few words: "12 files such as a/b.png and c.txt"."""
        if not self.files:
            return "no file"
        shown = [self.files[0], self.files[len(self.files) // 2]][: len(self.files)]
        names = dict.fromkeys("/".join((*file.folders[-2:], file.path.name)) for file in shown)
        return f"{plural(len(self.files), 'file')} such as {' and '.join(names)}"


def read_tree(places: Sequence[Path], stack: ExitStack, unpack_in: Path) -> Tree:
    """List all files of folders and archives; archives in them are unpacked.

    Archives are looked for directly in a folder and in the folders there; not if a folder of their name is beside them,
    to which they were unpacked before.

    Parameters
    ----------
    places : sequence of Path
        Folders and zip archives.
    stack : ExitStack
        Removes what is unpacked when it closes.
    unpack_in : Path
        Folder to unpack in, which is made where it is missing.

    Raises
    ------
    NusegError
        A place is missing, or neither a folder nor a zip archive; an archive is damaged, hostile or too large.
    """
    reader = _Reader(stack, unpack_in)
    for place in places:
        if place.is_dir():
            reader.add_folder(place, (place.resolve().name.lower(),))
        elif is_archive(place):
            reader.add_archive(place, ())
        else:
            found = "another file" if place.exists() else "nothing"
            raise NusegError(f"{place}: expected a folder or a zip archive, found {found}; check the path")
    return Tree(tuple(places), tuple(sorted(reader.files, key=lambda file: file.path)), reader.archives)


@dataclass
class _Reader:
    """Collects files, and unpacks archives on the way."""

    stack: ExitStack
    unpack_in: Path
    files: list[File] = field(default_factory=list)
    archives: dict[Path, Path] = field(default_factory=dict)
    size: int = 0

    def add_folder(self, root: Path, names: tuple[str, ...], level: int = 0) -> None:
        for path, inside in _walk(root):
            folders = (*names, *(name.lower() for name in inside))
            if path.suffix.lower() != ".zip":
                self.files.append(File(path, folders))
                if len(self.files) > MOST_FILES:
                    raise NusegError(f"{root}: holds more than {MOST_FILES} files; name the dataset's own folder")
            elif len(inside) <= _ARCHIVES_DOWN and not path.with_suffix("").is_dir() and is_archive(path):
                self.add_archive(path, folders, level)

    def add_archive(self, path: Path, names: tuple[str, ...], level: int = 0) -> None:
        with opened(path) as (_, members):
            if all(member.filename.lower().endswith(_NOT_OURS) for member in members):
                return
            self.size += sum(member.file_size for member in members)
        if self.size > MOST_UNPACKED or level == _ARCHIVES_WITHIN:
            what = "archives within archives" if level else f"more than {MOST_UNPACKED >> 30} GiB unpacked"
            raise NusegError(f"{path}: {what}, which is not unpacked; unpack it yourself if you trust it")
        self.unpack_in.mkdir(parents=True, exist_ok=True)
        folder = self.stack.enter_context(unpacked(path, self.unpack_in))
        self.archives[folder] = path
        self.add_folder(folder, (*names, path.stem.lower()), level + 1)


def _walk(root: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Give every visible file below a folder, and the names of the folders between.

    Links to folders are followed, each folder once; datasets that nuseg made are left out.
    """
    seen: set[str] = set()
    for place, folders, names in os.walk(root, followlinks=True):
        inside = Path(place).relative_to(root).parts
        if os.path.realpath(place) in seen or (inside and _MADE_BY_NUSEG in names):
            folders.clear()
            continue
        seen.add(os.path.realpath(place))
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(place) / name, inside
