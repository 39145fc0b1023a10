"""Which images and slides there are to do, and what their results are called."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nuseg.errors import NusegError
from nuseg.io.opening import is_slide


@dataclass(frozen=True)
class Job:
    """One image or slide of a folder run and the name of its results."""

    image: Path
    name: str
    slide: bool = False


def plan_jobs(images: Sequence[Path]) -> list[Job]:
    """Name the results of each image so that none overwrites another.

    The name is the file's without suffix. Where two would be the same (without regard to case, as some file
    systems have none), all of these are told apart by their folder (`case1_image`), else by their suffix
    (`image_png`), else by both.

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
    ]
    groups: dict[str, list[Path]] = defaultdict(list)
    for image in images:
        groups[image.stem.casefold()].append(image)
    names: dict[Path, str] = {}
    for group in groups.values():
        way = next((way for way in ways if len({way(path).casefold() for path in group}) == len(group)), ways[-1])
        names |= {path: way(path) for path in group}
    taken: dict[str, Path] = {}
    for image, name in names.items():
        other = taken.setdefault(name.casefold(), image)
        if other is not image:
            raise NusegError(
                f"{image} and {other}: results of both would be named {name}: "
                "rename one or segment them into different folders"
            )
    return [Job(image, names[image], is_slide(image)) for image in images]
