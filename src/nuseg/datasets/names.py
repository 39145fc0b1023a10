"""Names of files, by which images, annotations and predictions are paired."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from nuseg.errors import NusegError

_WORD = (
    r"(cp_masks?|masks?|labels?|annotations?|annot|instances?|inst|binary|seg|gt|groundtruth|true|truth|"
    r"pred(ictions?)?)"
)
_ENDING = re.compile(rf"([_\-. ]{_WORD})+$", re.IGNORECASE)


def stem(path: Path) -> str:
    """Name without suffix; `.ome.tif` counts as one suffix, and a folder's name has none."""
    if path.is_dir():
        return path.name
    return path.stem.removesuffix(".ome")


def shorten(name: str) -> str:
    """Take endings such as `_mask`, `-labels` and `_pred` off a name without suffix."""
    return _ENDING.sub("", name)


def name_search(files: Sequence[Path]) -> Callable[[str, str], list[Path]]:
    """Make a search of files by name.

    Returns
    -------
    callable
        Given a name and a shorter form of it: the file of that name; else the files that have the name, else the
        ones that have the shorter form, under endings such as `_labels`.
    """
    exact = {stem(file): file for file in files}
    shortened: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        shortened[shorten(stem(file))].append(file)

    def find(name: str, shorter: str) -> list[Path]:
        return [exact[name]] if name in exact else shortened.get(name) or shortened.get(shorter, [])

    return find


def refuse_twins(files: Sequence[Path]) -> None:
    """Refuse files of one folder that differ in their suffix alone.

    Raises
    ------
    NusegError
        Naming the first two.
    """
    seen: dict[str, Path] = {}
    for file in files:
        twin = seen.setdefault(stem(file), file)
        if twin is not file:
            raise NusegError(f"{twin.parent}: {twin.name} and {file.name} have the same name; leave one of them")
