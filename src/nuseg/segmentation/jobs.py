"""Which images and slides there are to do, and what their results are called."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nuseg.errors import NusegError
from nuseg.io.paths import same_name
from nuseg.results.naming import name_code, result_name
from nuseg.text import printable


@dataclass(frozen=True)
class Job:
    """One image or slide of a folder run and the name of its results."""

    image: Path
    name: str


def plan_jobs(images: Sequence[Path]) -> list[Job]:
    """Name the results of each image so that none overwrites another.

    The name is the file's without suffix, as `result_name` makes it. Where two would be the same (without regard to
    case and composition of letters, as some file systems have none), all of these are told apart by their folder
    (`case1_image`), else by their suffix (`image_png`), else by both, else by a code of the file's name.

    Raises
    ------
    NusegError
        Two images cannot be told apart.
    """
    ways: list[Callable[[Path], str]] = [
        lambda path: path.stem,
        lambda path: f"{path.resolve().parent.name}_{path.stem}",
        lambda path: path.name.replace(".", "_"),
        lambda path: f"{path.resolve().parent.name}_{path.name.replace('.', '_')}",
        lambda path: f"{path.stem}-{name_code(path.name)}",
    ]
    groups: dict[str, list[Path]] = defaultdict(list)
    for image in images:
        groups[same_name(image.stem)].append(image)
    names: dict[Path, str] = {}
    for group in groups.values():
        way = next((way for way in ways if len({same_name(way(path)) for path in group}) == len(group)), ways[1])
        names |= {path: result_name(way(path)) for path in group}
    taken: dict[str, Path] = {}
    for image, name in names.items():
        other = taken.setdefault(same_name(name), image)
        if other is not image:
            raise NusegError(
                f"{printable(image)} and {printable(other)}: results of both would be named {name}: "
                "rename one or segment them into different folders"
            )
    return [Job(image, names[image]) for image in images]


def identity(image: Path) -> str:
    """Tell an image from all others on this machine: its absolute path."""
    return printable(image.resolve())
