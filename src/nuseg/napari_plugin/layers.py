"""Sources and nuclei as napari's layer data: a tuple of data, properties and type; needs no napari.

Coordinates of layers are um where the resolution is known, so that layers of one image lie on one another.
"""

from typing import Any

import numpy as np
import pandas as pd

from nuseg.io.pyramid import lazy_levels
from nuseg.io.source import Source

LayerData = tuple[Any, dict[str, Any], str]
UM = "um"
KEY = "nuseg"  # of what nuseg keeps in a layer's metadata


def placed(mpp: float | None, axes: int = 2, origin: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    """Say where a layer lies.

    Parameters
    ----------
    mpp : float, optional
        Resolution (um/px); None = the layer is in px.
    axes : int
        Number of axes: the last two are y and x, those before them count images.
    origin : tuple of int
        y, x of its first pixel in the image (px).
    """
    side = mpp or 1.0
    before = (1.0,) * (axes - 2)
    place: dict[str, Any] = {
        "scale": (*before, side, side),
        "translate": (*(0.0 for _ in before), origin[0] * side, origin[1] * side),
    }
    if mpp:
        place["units"] = (*("pixel" for _ in before), UM, UM)
    return place


def image_layer(source: Source, name: str | None = None) -> LayerData:
    """Give a source as an image that is read when it is looked at; it has to stay open."""
    levels = lazy_levels(source)
    metadata = {"path": None if source.path is None else str(source.path), "notes": list(source.notes)}
    properties = {
        "name": name or source.name,
        "rgb": True,
        "metadata": {KEY: metadata},
        **placed(source.mpp),
    }
    if len(levels) == 1:
        return np.asarray(levels[0]), properties, "image"
    return levels, properties | {"multiscale": True}, "image"


def labels_layer(labels: Any, name: str, place: dict[str, Any], table: pd.DataFrame | None = None) -> LayerData:
    """Give a label image, or a pyramid of them, as a layer.

    Parameters
    ----------
    labels : (h, w) integer, or a list of them
    name : str
    place : dict
        As of `placed`.
    table : pandas.DataFrame, optional
        One row per nucleus, with its `id`: what napari shows of the nucleus below the pointer.
    """
    properties = {"name": name, **place}
    if table is not None:
        properties["features"] = table.rename(columns={"id": "index"}).reset_index(drop=True)
    if isinstance(labels, list):
        properties["multiscale"] = True
    return labels, properties, "labels"
