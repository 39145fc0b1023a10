"""What builds a network: one for each architecture. Needs no PyTorch before it builds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nuseg.model.config import Architecture

if TYPE_CHECKING:
    from nuseg.model.network import Network


@dataclass(frozen=True)
class Builder:
    """How the networks of one preset are built.

    Attributes
    ----------
    name : str
        The preset: what `Architecture.preset` calls it.
    help : str
        What it is, in half a sentence.
    build : callable
        Builds an `Architecture`; the second argument says whether to start from published weights, where there are
        any in an installed package. Raises `NusegError` where the architecture asks for what there is not.
    """

    name: str
    help: str
    build: Callable[[Architecture, bool], "Network"]
