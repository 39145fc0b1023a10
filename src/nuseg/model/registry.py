"""The heads and the architectures that there are; other packages add theirs by entry points."""

from collections.abc import Sequence

from nuseg.errors import NusegError
from nuseg.model.builder import Builder
from nuseg.model.config import Architecture
from nuseg.model.head import Head
from nuseg.registry import Registry

heads: Registry[Head] = Registry("head", "nuseg.model.heads", "HEAD", "nuseg.heads")
architectures: Registry[Builder] = Registry(
    "network.preset", "nuseg.model.architectures", "ARCHITECTURE", "nuseg.architectures"
)

FIRST_HEADS = ("mask", "distance")
"""What nuclei are made from: every network has these, and its maps begin with them."""


def find_heads(names: Sequence[str], classes: tuple[str, ...] = ()) -> tuple[Head, ...]:
    """Find the heads of a network by their names; what has channels for classes is made for those.

    Raises
    ------
    NusegError
        There is none of a name, one is named twice, or they do not begin with `FIRST_HEADS`.
    """
    found = tuple(head if head.made_for is None else head.made_for(classes) for head in map(heads.__getitem__, names))
    if tuple(names[: len(FIRST_HEADS)]) != FIRST_HEADS or len(set(names)) < len(names):
        raise NusegError(
            f"network.heads: expected {', '.join(FIRST_HEADS)} and then others, each once; found {', '.join(names)}"
        )
    return found


def heads_of(architecture: Architecture) -> tuple[Head, ...]:
    """Find the heads of an architecture.

    Raises
    ------
    NusegError
        As `find_heads`; or one of them needs names of classes that the architecture lacks.
    """
    found = find_heads(architecture.heads, architecture.classes)
    for head in found:
        if head.made_for is not None and not architecture.classes:
            raise NusegError(f"network.classes: expected names of classes for the head {head.name}, found none")
    return found


def map_names(names: Sequence[str], classes: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Names of the maps that a model with these heads gives: the channels of those that are exported, in order."""
    return tuple(channel for head in find_heads(names, classes) if head.exported for channel in head.channels)
