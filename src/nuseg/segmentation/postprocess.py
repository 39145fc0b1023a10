"""Maps to nuclei: marker-controlled watershed on the normalised distance (Beucher & Meyer 1993).

Every step is local, and in whole numbers, so that a window shows the same nuclei as the whole slide, bit by bit: maps
become uint8 first, only small holes are filled, and a component is separated by itself.
"""

import cv2
import numpy as np
from skimage.segmentation import watershed

from nuseg.engines.maps import FULL_MAP
from nuseg.model.config import Thresholds
from nuseg.segmentation.packing import Canvas, pack
from nuseg.types import LabelImage

HOLE_UM = 8.0  # larger holes are not in a nucleus but between nuclei
LARGEST_COMPONENT = 2560  # px; a component that is no group of nuclei any more: one of this size takes some 1.5 GB
FULL_DISTANCE = 65535
FINE = 256  # steps to one of 8 bits, where two maps are added
DISTANCE_RISE = 2.5  # from a distance of 1 / 2.5 a pixel is as surely inside as by a mask probability of 1
CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def find_foreground(maps: np.ndarray, thresholds: Thresholds) -> np.ndarray:
    """Say which pixels belong to nuclei: `(2, h, w)` uint8 from `quantise` to `(h, w)` bool.

    Mask and distance see the same border, each with errors of its own: their mean is nearer to it than either.
    """
    share, values = thresholds.distance_share, np.arange(FULL_MAP + 1)
    of_probability = np.rint((1 - share) * FINE * values).astype(np.uint16)
    of_distance = np.rint(share * FINE * np.minimum(DISTANCE_RISE * values, FULL_MAP)).astype(np.uint16)
    both = cv2.add(cv2.LUT(maps[0], of_probability), cv2.LUT(maps[1], of_distance))
    inside: np.ndarray = both >= FINE * round(thresholds.mask * FULL_MAP)
    return inside


def raw_probability_of(maps: np.ndarray) -> np.ndarray:
    """Mean of mask probability and distance: `(2, h, w)` of 0..255, or 0..1 in float, to `(h, w)` of the same.

    Over a nucleus it tells more surely than the probability alone whether it is one: what is no nucleus, or not one,
    seldom has the distances of one.
    """
    mean: np.ndarray
    if maps.dtype == np.uint8:
        mean = ((maps[0].astype(np.uint16) + maps[1] + 1) // 2).astype(np.uint8)
    else:
        mean = (maps[0] + maps[1]) / 2
    return mean


def hole_side(mpp: float) -> int:
    """Largest side (px) of a hole that is filled."""
    return max(1, round(HOLE_UM / mpp))


def blur_radius(sigma: float) -> int:
    """How far (px) `smooth` looks."""
    return int(np.ceil(4 * sigma))


def smooth(distance: np.ndarray, sigma: float) -> np.ndarray:
    """Blur a quantised distance with a Gaussian of `sigma` px: `(h, w)` uint8 to uint16 of 0..65535.

    OpenCV blurs whole numbers in fixed point. 16 bits keep apart what 8 would make a plateau.
    """
    wide = distance.astype(np.uint16) * np.uint16(FULL_DISTANCE // FULL_MAP)
    if not sigma:
        return wide
    side = 2 * blur_radius(sigma) + 1
    return cv2.GaussianBlur(wide, (side, side), sigma).reshape(wide.shape)


def pieces_of(mask: np.ndarray, connectivity: int = 4) -> tuple[int, LabelImage]:
    """Number the connected components of a mask: how many, with the rest, which is 0, and `(h, w)` int32."""
    count, pieces = cv2.connectedComponents(mask.astype(np.uint8), connectivity=connectivity, ltype=cv2.CV_32S)
    return count, np.asarray(pieces, np.int32)


def fill_holes(mask: np.ndarray, side: int) -> np.ndarray:
    """Fill small holes of a mask.

    A hole is an 8-connected component of background that does not reach the border of the image and lies in a square of
    `side` px: whether a pixel is in one can be seen within that distance.
    """
    count, holes = pieces_of(~mask, 8)
    inner = np.ones(count, bool)
    inner[0] = False  # the mask itself
    for line in (holes[0], holes[-1], holes[:, 0], holes[:, -1]):
        inner[line] = False
    place = np.flatnonzero(inner.take(holes))  # few: boxes of all components would take longer than finding them
    hole = holes.take(place).astype(np.intp)
    longest = np.zeros(count, np.int64)
    for places in np.divmod(place, mask.shape[1]):
        first, last = np.full(count, mask.size), np.zeros(count, np.int64)
        np.minimum.at(first, hole, places)
        np.maximum.at(last, hole, places)
        longest = np.maximum(longest, last + 1 - first)
    filled: np.ndarray = mask.copy()
    filled.ravel()[place[longest[hole] <= side]] = True
    return filled


def label_nuclei(
    mask: np.ndarray, raw_probability: np.ndarray, distance: np.ndarray, thresholds: Thresholds, mpp: float
) -> np.ndarray:
    """Separate the nuclei of every 4-connected component of a mask; a component's nuclei depend on the component alone.

    Parameters
    ----------
    mask
        `(h, w)` bool, holes filled.
    raw_probability
        `(h, w)` uint8 from `raw_probability_of`.
    distance
        `(h, w)` uint16 from `smooth`.
    thresholds
        Of the model.
    mpp
        Resolution of the maps (um/px).

    Returns
    -------
    np.ndarray
        Label image `(h, w)` int32.
    """
    seeds = mask & (distance >= round(thresholds.marker * FULL_DISTANCE))
    count, markers = pieces_of(seeds)
    labels = share_out(mask, markers, count, distance)
    lowest = thresholds.min_raw_probability * FULL_MAP
    return drop_doubtful(labels, raw_probability, thresholds.min_area_um2 / mpp**2, lowest)


def share_out(mask: np.ndarray, markers: np.ndarray, count: int, distance: np.ndarray) -> np.ndarray:
    """Give every pixel of a mask to a marker of its 4-connected component; a component without one is a marker itself.

    Only in components of several markers there is something to decide.

    Parameters
    ----------
    mask : (h, w) bool
    markers : (h, w) int32
        4-connected pieces within the mask, 1..`count` - 1.
    count : int
        Number of the first component that becomes a marker.
    distance : (h, w) uint16

    Returns
    -------
    (h, w) int32
    """
    components_count, components = pieces_of(mask)
    seeds = np.flatnonzero(markers > 0)
    home = np.zeros(count, np.intp)  # component of each marker
    home[markers.take(seeds)] = components.take(seeds)
    held = np.bincount(home[1:], minlength=components_count)
    number = np.zeros(components_count, np.int32)
    number[home] = np.arange(count)
    unseeded = held == 0
    unseeded[0] = False
    number[unseeded] = count + np.arange(np.count_nonzero(unseeded))
    shared = held > 1
    number[shared] = 0
    labels: np.ndarray = number.take(components)  # half the time of indexing
    if shared.any():
        place = np.flatnonzero(mask & (labels == 0))
        rank = np.cumsum(shared) - 1
        y, x = np.divmod(place, mask.shape[1])
        canvas = pack(y, x, rank[components.take(place)])
        if canvas.size > mask.size:  # long and bent components
            canvas = Canvas((mask.shape[0], mask.shape[1]), place)
        seen = (canvas.draw(values.take(place)) for values in (markers, distance, mask))
        labels.ravel()[place] = grow(*seen).take(canvas.place)
    return labels


def grow(markers: np.ndarray, distance: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Grow markers over a mask in order of falling distance until they meet.

    Marker pixels come first, each at a level of its own in reading order: what would be a tie between them is
    decided the same way whatever else the image holds.
    """
    level = -distance.astype(np.float64)
    seeds = np.flatnonzero(markers > 0)
    level.ravel()[seeds] = -3 * FULL_DISTANCE + seeds / max(level.size, 1)
    # What lies within a marker has nowhere to grow: left out, it costs nothing.
    core = cv2.erode((markers > 0).astype(np.uint8), CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    labels = watershed(level, np.where(core, 0, markers), mask=mask & ~core)
    return np.where(core, markers, labels).astype(np.int32, copy=False)


def drop_doubtful(labels: np.ndarray, raw_probability: np.ndarray, min_area: float, min_mean: float) -> np.ndarray:
    """Remove nuclei under an area (px) or a mean of `raw_probability`, and number the others 1..N in their order."""
    inside = np.flatnonzero(labels > 0)
    owner = labels.take(inside).astype(np.intp)  # what bincount would convert to each time
    area = np.bincount(owner, minlength=1)
    total = np.bincount(owner, weights=raw_probability.take(inside), minlength=1)
    keep = (area >= min_area) & (total >= min_mean * area)
    keep[0] = False
    if keep[1:].all():
        return labels
    kept: np.ndarray = (np.cumsum(keep, dtype=np.int32) * keep).take(labels)
    return kept
