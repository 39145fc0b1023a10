"""Maps to a label image, without the measures: what is needed to score nuclei, at a part of the price."""

import numpy as np

from nuseg.engines.maps import FULL_MAP
from nuseg.measure.outline import first_places, outlines
from nuseg.measure.rasterise import draw_labels
from nuseg.model.config import Thresholds
from nuseg.segmentation.postprocess import (
    fill_holes,
    find_foreground,
    hole_side,
    label_nuclei,
    raw_probability_of,
    smooth,
)
from nuseg.segmentation.resample import ModelGrid
from nuseg.types import Floats, LabelImage


def label_maps(maps: np.ndarray, grid: ModelGrid, mpp: float, thresholds: Thresholds) -> tuple[LabelImage, Floats]:
    """Find the nuclei of a whole source in its maps, as `segment_source` finds them, and draw them on the source.

    Parameters
    ----------
    maps : (k, h', w') uint8
        Quantised, on the model's grid.
    grid : ModelGrid
        Of the source, of at most one tile.
    mpp : float
        Resolution of the source (um/px).
    thresholds : Thresholds
        Of the model.

    Returns
    -------
    labels : (h, w) int32
        On the source's level 0; 0 = background, 1..N = nuclei in the order of their first pixels.
    raw_probability : (N,) float64
        Mean of mask probability and distance over each nucleus, 0..1.
    """
    at_grid = mpp * grid.scale
    mask = fill_holes(find_foreground(maps, thresholds), hole_side(at_grid))
    raw_probability = raw_probability_of(maps)
    found = label_nuclei(mask, raw_probability, smooth(maps[1], thresholds.smoothing), thresholds, at_grid)
    inside = np.flatnonzero(found)
    owner = found.ravel()[inside].astype(np.intp)
    total = np.bincount(owner, (raw_probability / np.float32(FULL_MAP)).ravel()[inside], 1)[1:]
    order = np.argsort(first_places(owner, inside))
    rings = outlines(found) if len(inside) else []
    polygons = [rings[number] * grid.scale for number in order]
    labels = draw_labels(polygons, np.arange(1, len(polygons) + 1), (grid.source.height, grid.source.width))
    return labels, (total / np.bincount(owner, minlength=1)[1:])[order]
