"""Which files nuseg wrote itself: they are never taken for images."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from nuseg.results import summary
from nuseg.results.records import MARKER
from nuseg.results.registry import outputs


def part_results(files: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Part files into those that are to be looked at, and those that are results in a folder of results."""
    places = {output.path(Path(), "name").parent.name for output in outputs.values()}

    # Of thousands of files few folders are looked at, once each.
    @cache
    def holds_results(folder: Path) -> bool:
        return is_results_folder(folder)

    own = [file for file in files if is_result(file.resolve(), places, holds_results)]
    return [file for file in files if file not in set(own)], own


def is_result(file: Path, places: set[str], holds_results: Callable[[Path], bool]) -> bool:
    """Whether a file lies in the folder of an output, which lies in a folder of results."""
    return any(place.name in places and holds_results(place.parent) for place in file.parents)


def is_results_folder(folder: Path) -> bool:
    """Whether `nuseg segment` wrote into a folder: by its records, and without them by the head of its summary."""
    if (folder / MARKER).is_dir():
        return True
    try:
        with (folder / summary.FILE).open(encoding="utf-8") as file:
            return set(summary.OLDEST) <= set(file.readline(10_000).strip().split(","))
    except (OSError, ValueError):
        return False
