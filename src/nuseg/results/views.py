"""The ways to show a result on the screen, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nuseg.registry import Registry

if TYPE_CHECKING:
    from nuseg.results.segmentation import Segmentation


@dataclass(frozen=True)
class View:
    """One way to show a result.

    Attributes
    ----------
    name : str
    show : function
        Of a result, the height of the cell (px) and a port (0 = any that is free), to what a notebook shows.
    """

    name: str
    show: Callable[["Segmentation", int, int], Any]


views: Registry[View] = Registry("view", "nuseg.viewer.views", "VIEW", "nuseg.views")
"""All ways. Another package adds its own by an entry point of the group `nuseg.views`, a program by `register`."""
