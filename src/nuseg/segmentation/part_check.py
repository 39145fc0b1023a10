"""Whether the arrays in a part of a checkpoint are what was written: the folder may be damaged, or somebody else's."""

from collections.abc import Mapping

import numpy as np

from nuseg.segmentation import postprocess
from nuseg.segmentation.components import NO_NUCLEI, NO_PIXELS

DAMAGED = np.zeros((0, 4), np.int64)  # places that could not be read: x, y, width, height in px of level 0
TISSUE = np.array(0)  # px of tissue
BY_AREA = np.zeros((0, 2), np.int64)  # place of an annotated area, px of tissue in it
EMPTY = {**vars(NO_NUCLEI), **vars(NO_PIXELS), "damaged": DAMAGED, "tissue": TISSUE, "tissue_by_area": BY_AREA}
TOGETHER = (("first", "measures", "lengths", "class_probability"), tuple(vars(NO_PIXELS)))  # of one length
OF_CLASSES = ("class_probability", "class_maps")  # as wide as the model has classes


def check_part(arrays: Mapping[str, np.ndarray]) -> None:
    """Check types, shapes and bounds of some arrays of a part, so that what they are used for fails nowhere.

    Raises
    ------
    ValueError
        Saying what is wrong.
    """
    for name, array in arrays.items():
        like = EMPTY[name]
        same_width = array.shape[1:] == like.shape[1:] or name in OF_CLASSES
        if array.dtype != like.dtype or array.ndim != like.ndim or not same_width:
            raise ValueError(f"{name}: {array.dtype} of shape {array.shape}")
    for names in TOGETHER:
        if len({len(arrays[name]) for name in names if name in arrays}) > 1:
            raise ValueError(f"{', '.join(names)} of different lengths")
    if arrays.get("tissue", TISSUE) < 0:
        raise ValueError(f"tissue: {arrays['tissue']} px")
    if arrays.get("tissue_by_area", BY_AREA).min(initial=0) < 0:
        raise ValueError("tissue of annotated areas: numbers below 0")
    lengths, corners = arrays.get("lengths"), arrays.get("corners")
    if lengths is not None and corners is not None and (lengths.min(initial=0) < 0 or lengths.sum() != len(corners)):
        raise ValueError("lengths that are not those of the corners")
    component = arrays.get("component")
    if component is not None and not 0 <= component.min(initial=0) <= component.max(initial=0) <= len(component):
        raise ValueError("more components than pixels")
    for name in ("y", "x"):
        places = arrays.get(name)
        if places is None or not len(places):
            continue
        first, last = int(places.min()), int(places.max())
        if first < 0 or last - first > postprocess.LARGEST_COMPONENT:
            raise ValueError(f"{name} from {first} to {last}")
