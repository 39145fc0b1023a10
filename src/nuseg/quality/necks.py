"""The narrowest place of an outline: whether it looks like two nuclei in one."""

from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from nuseg.types import Mask

LEAST_DENT = 1.2  # px
DENTS = 5  # the deepest, that are tried
LEAST_LOBE = 20  # px


@dataclass(frozen=True)
class Neck:
    """Where an outline is drawn in from both sides.

    Attributes
    ----------
    narrow : float
        Width of the neck over the diameter of the circle of the smaller part's area.
    share : float
        Area of the smaller part over that of the whole, 0..0.5.
    dent : float
        Depth of the shallower of both dents (px).
    lobes : float
        Share of its convex hull that the less convex part fills, 0..1.
    """

    narrow: float
    share: float
    dent: float
    lobes: float


def find_neck(nucleus: Mask) -> Neck | None:
    """Find the narrowest neck of a nucleus between two dents of its outline; None where there are no two dents."""
    padded = np.pad(nucleus.astype(np.uint8), 1)
    outline = max(cv2.findContours(padded, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)
    if len(outline) < 8:
        return None
    try:
        defects = cv2.convexityDefects(outline, cv2.convexHull(outline, returnPoints=False))
    except cv2.error:  # an outline that touches itself
        return None
    if defects is None:
        return None
    dents = [(int(place), depth / 256) for _, _, place, depth in defects.reshape(-1, 4)]
    deepest = sorted((dent for dent in dents if dent[1] >= LEAST_DENT), key=lambda dent: -dent[1])[:DENTS]
    necks = [neck for one, other in combinations(sorted(deepest), 2) if (neck := _between(outline, one, other))]
    return min(necks, key=lambda neck: neck.narrow, default=None)


def _between(outline: np.ndarray, one: tuple[int, float], other: tuple[int, float]) -> Neck | None:
    """Cut an outline from one dent to another."""
    (first, depth), (last, other_depth) = one, other
    parts = (outline[first : last + 1], np.concatenate([outline[last:], outline[: first + 1]]))
    areas = [cv2.contourArea(part) for part in parts]
    if min(areas) < LEAST_LOBE:
        return None
    width = float(np.hypot(*(outline[first, 0] - outline[last, 0]).astype(float))) + 1
    convex = [cv2.contourArea(cv2.convexHull(part)) for part in parts]
    return Neck(
        narrow=width / float(2 * np.sqrt(min(areas) / np.pi)),
        share=min(areas) / sum(areas),
        dent=min(depth, other_depth),
        lobes=min(area / hull for area, hull in zip(areas, convex, strict=True)),
    )
