"""Names of files, by which images, annotations and predictions are paired."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nuseg.errors import NusegError
from nuseg.io.find import IMAGE_SUFFIXES, SLIDE_SUFFIXES

PICTURE_SUFFIXES = (*IMAGE_SUFFIXES, *SLIDE_SUFFIXES)

_WORD = (
    r"(cp_masks?|masks?|labels?|annotations?|annot|instances?|inst|binary|seg|gt|groundtruth|true|truth|"
    r"pred(ictions?)?)"
)
_ENDING = re.compile(rf"([_\-. ]{_WORD})+$", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """A file or folder, or what a file for many images holds of one of them.

    Attributes
    ----------
    path : Path
    image : str or None
        Name of the image inside the file; None if the file is that image's own.
    """

    path: Path
    image: str | None = None

    @cached_property
    def stem(self) -> str:
        """Name by which it is paired."""
        return stem(self.path) if self.image is None else composed(Path(Path(self.image.replace("\\", "/")).name).stem)

    @property
    def name(self) -> str:
        """Name for messages that say the folder otherwise."""
        return self.path.name if self.image is None else f"{self.image} in {self.path.name}"

    def __str__(self) -> str:
        return str(self.path) if self.image is None else f"{self.path}: {self.image}"


def stem(path: Path) -> str:
    """Name without suffix, composed; a folder's name has none.

    `.ome.tif` and `.geojson.gz` count as one suffix, and so does that of an image before that of its annotation:
    `a.ndpi.ndpa`, `a.png.json`.
    """
    if path.is_dir():
        return composed(path.name)
    name = Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem
    if path.suffix.lower() not in PICTURE_SUFFIXES and Path(name).suffix.lower() in PICTURE_SUFFIXES:
        name = Path(name).stem
    return composed(name.removesuffix(".ome"))


def composed(name: str) -> str:
    """Compose accented letters (NFC): macOS stores them decomposed, and the names are the same."""
    return unicodedata.normalize("NFC", name)


def shorten(name: str) -> str:
    """Take endings such as `_mask`, `-labels` and `_pred` off a name without suffix."""
    return _ENDING.sub("", name)


def name_search(entries: Sequence[Entry]) -> Callable[[str, str], list[Entry]]:
    """Make a search of entries by name.

    Returns
    -------
    callable
        Given a name and a shorter form of it: the entry of that name; else the ones that have the name, else the
        ones that have the shorter form, under endings such as `_labels`.
    """
    exact = {entry.stem: entry for entry in entries}
    shortened: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        shortened[shorten(entry.stem)].append(entry)

    def find(name: str, shorter: str) -> list[Entry]:
        return [exact[name]] if name in exact else shortened.get(name) or shortened.get(shorter, [])

    return find


def refuse_twins(entries: Sequence[Entry]) -> None:
    """Refuse entries of one folder that differ in their suffix alone.

    Raises
    ------
    NusegError
        Naming the first two.
    """
    seen: dict[str, Entry] = {}
    for entry in entries:
        twin = seen.setdefault(entry.stem, entry)
        if twin is not entry:
            raise NusegError(f"{twin.path.parent}: {twin.name} and {entry.name} have the same name; leave one of them")
