"""What the viewer shows: images, and the layers of nuclei on each."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nuseg.io.reader import Kind
from nuseg.io.source import Source
from nuseg.measure.counts import CountError
from nuseg.results.summary import Row
from nuseg.viewer.nuclei import Nuclei

LayerKind = Literal["result", "truth", "on-demand"]
ON_DEMAND: LayerKind = "on-demand"
ID_DIGITS = 12


@dataclass(frozen=True, eq=False)
class Layer:
    """Nuclei of one image, from one place.

    Attributes
    ----------
    id : str
        Names it among the layers of its image.
    name : str
        For the eye.
    kind : "result", "truth" or "on-demand"
    read : function
        Reads its nuclei; raises NusegError where they are damaged.
    editable : bool
        Whether corrections are of it: those there are are shown.
    writable : bool
        Whether further ones can be kept, as far as its folder allows.
    count_error : CountError, optional
        How far its counts may be off.
    """

    id: str
    name: str
    kind: LayerKind
    read: Callable[[], Nuclei]
    editable: bool = False
    writable: bool = True
    count_error: CountError | None = None


@dataclass(frozen=True, eq=False)
class Item:
    """One image or slide.

    Attributes
    ----------
    id : str
        Names it in addresses: made of where it lies, but tells nothing of that.
    name : str
        Of its results' files.
    kind : "image" or "slide"
    width, height : int
        Of level 0 (px).
    mpp : float, optional
        um/px.
    image : Path, optional
        Its file; None where that is not at hand, or where pixels are in `source`.
    home : Path, optional
        The folder of results that corrections are kept in; None where they cannot be kept.
    layers : tuple of Layer
    row : Row, optional
        Of the summary of its results.
    warnings : tuple of str
        What the user should know.
    source : Source, optional
        Its pixels, where they are in memory.
    """

    id: str
    name: str
    kind: Kind
    width: int
    height: int
    mpp: float | None = None
    image: Path | None = None
    home: Path | None = None
    layers: tuple[Layer, ...] = ()
    row: Row | None = None
    warnings: tuple[str, ...] = ()
    source: Source | None = None

    def editable_layer(self) -> Layer | None:
        """The layer that corrections are of, if there is one."""
        return next((layer for layer in self.layers if layer.editable), None)


def item_id(place: str | Path) -> str:
    """Make the id of an item of where it lies: the same at every start."""
    return hashlib.sha256(os.fsencode(place)).hexdigest()[:ID_DIGITS]
