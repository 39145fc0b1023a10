"""Between an image's own pixel grid and the model's: there with the pixels, back with the nuclei."""

import cv2
import numpy as np
from skimage.measure import label as connected_pieces

from nuseg.io.resolution import SAME

QUARTER = 0.24  # px; just under, as a quarter lies on the border of two model pixels at common ratios
TIE = 1e-6  # px


def to_model_grid(pixels: np.ndarray, mpp: float, model_mpp: float) -> np.ndarray:
    """Rescale an image to the model's resolution.

    Parameters
    ----------
    pixels : (h, w, 3) uint8
        Image.
    mpp, model_mpp : float
        Resolution of the image and of the model (um/px). Within 2 % of one another the image stays as it is.

    Returns
    -------
    (h', w', 3) uint8
        Of at least one pixel a side.
    """
    height, width = model_shape(pixels.shape[:2], mpp, model_mpp)
    if (height, width) == pixels.shape[:2]:
        return pixels
    how = cv2.INTER_AREA if mpp < model_mpp else cv2.INTER_CUBIC
    return cv2.resize(pixels, (width, height), interpolation=how)


def model_shape(shape: tuple[int, int], mpp: float, model_mpp: float) -> tuple[int, int]:
    """Say how high and wide an image of `shape` is at the model's resolution; arguments as for `to_model_grid`."""
    factor = mpp / model_mpp
    if abs(factor - 1) <= SAME:
        return shape
    height, width = (max(1, round(side * factor)) for side in shape)
    return height, width


def map_to_image_grid(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Rescale a `(h', w')` float32 map to `shape`, pixel centres aligned."""
    if values.shape == shape:
        return values
    how = cv2.INTER_AREA if shape[0] < values.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(values, shape[::-1], interpolation=how)


def labels_to_image_grid(labels: np.ndarray, foreground: np.ndarray) -> np.ndarray:
    """Bring a label image to the image's own grid, without shift.

    A finer image takes the label at the centre of each of its pixels. In a coarser image four points in a
    pixel, a quarter of it from its centre, vote: the centre alone would often lie on the border of two model
    pixels, and always taking the same one would shift every nucleus. Two votes to two are decided by the
    probability.

    Nuclei too small for the coarser grid vanish; of one that falls apart the largest 4-connected piece stays.

    Parameters
    ----------
    labels : (h', w') int32
        Label image on the model's grid.
    foreground : (h, w) bool
        Where the probability on the image's grid reaches the mask threshold.

    Returns
    -------
    (h, w) int32
        Label image 0..N in the order of `labels`, each nucleus one 4-connected piece.
    """
    shape = foreground.shape
    if labels.shape == shape:
        return labels
    if labels.size < foreground.size:
        return sample(labels, shape, 0.0, 0.0)
    votes = [sample(labels, shape, y, x) for y in (-QUARTER, QUARTER) for x in (-QUARTER, QUARTER)]
    return largest_pieces(elect(votes, foreground))


def sample(labels: np.ndarray, shape: tuple[int, ...], y: float, x: float) -> np.ndarray:
    """Look up the label under a point of every pixel of an image of `shape`: `x`, `y` (px) from its centre."""
    places = []
    for count, own, away in zip(shape, labels.shape, (y, x), strict=True):
        number = np.arange(count)
        # A point on the border of two model pixels takes the one before and the one behind by turns: no shift.
        turn = np.where(number % 2, TIE, -TIE)
        places.append(((number + 0.5 + away + turn) * (own / count)).astype(np.intp))
    return labels[np.ix_(*places)]


def elect(votes: list[np.ndarray], foreground: np.ndarray) -> np.ndarray:
    """Choose the most frequent label of four; background needs three votes, or two outside `foreground`."""
    best, most = np.zeros_like(votes[0]), np.zeros(votes[0].shape, np.uint8)
    inside = np.zeros(votes[0].shape, np.uint8)
    for label in votes:
        inside += label > 0
        count = sum((label == other).astype(np.uint8) for other in votes) * (label > 0)
        better = count > most
        best[better], most[better] = label[better], count[better]
    best[(inside < 2) | ((inside == 2) & ~foreground)] = 0
    return best


def largest_pieces(labels: np.ndarray) -> np.ndarray:
    """Keep the largest 4-connected piece of each label, and number what is left 1..N in order."""
    pieces = connected_pieces(labels, connectivity=1)
    area = np.bincount(pieces.ravel())
    owner = np.zeros(len(area), labels.dtype)
    owner[pieces] = labels  # every pixel of a piece has the same label
    # The last in this order is the largest piece of its label.
    order = np.lexsort((area, owner))
    last = np.append(owner[order][1:] != owner[order][:-1], True)
    keep = order[last & (owner[order] > 0)]
    number = np.zeros(len(area), np.int32)
    number[keep] = np.arange(1, len(keep) + 1)
    return number[pieces]
