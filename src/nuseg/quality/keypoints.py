"""Marked points of an image, by which a copy of it is known again: turned, mirrored, cut out, enlarged, compressed.

Source: Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 60 (2004); compared as square roots by
Arandjelovic & Zisserman, CVPR 2012.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from nuseg.types import RGB, Floats

POINTS = 200  # of an image
MPP = 0.5  # um/px: finer images are made smaller before
SIMILAR = 0.93  # cosine of two points that may be the same
CANDIDATES = 7  # points of two images that fit each other, before it is asked whether they lie alike
SAME = 9  # points that lie alike in both; by chance up to five do
TOLERANCE = 3.0  # px
SCALES = (0.3, 3.5)
# Where each number of a point's description is found in that of its mirror image: 4 rows, 4 columns, 8 directions.
_GRID = np.arange(128).reshape(4, 4, 8)
MIRRORED = _GRID[::-1][..., -np.arange(8) % 8].ravel()


@dataclass(frozen=True, eq=False)
class Keypoints:
    """Marked points.

    Attributes
    ----------
    places : (n, 2) float32
        x and y (px of the image made smaller).
    descriptions : (n, 128) float32
        Of length 1.
    """

    places: Floats
    descriptions: Floats

    def mirrored(self) -> "Keypoints":
        """Give the points of the image mirrored left to right, up to a shift."""
        flipped = np.asarray(self.places * [-1, 1], np.float32)
        return Keypoints(flipped, np.ascontiguousarray(self.descriptions[:, MIRRORED]))


def find_keypoints(pixels: RGB, mpp: float) -> Keypoints:
    """Find the most marked points of an (h, w, 3) uint8 RGB image at `mpp` um per pixel."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    if mpp < MPP and min(grey.shape) > 2 * 32:
        grey = cv2.resize(grey, None, fx=mpp / MPP, fy=mpp / MPP, interpolation=cv2.INTER_AREA)
    sift = cv2.SIFT_create(nfeatures=POINTS, contrastThreshold=0.01)  # type: ignore[attr-defined]
    found, descriptions = sift.detectAndCompute(grey, None)
    if descriptions is None:
        return Keypoints(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    places = np.array([point.pt for point in found[:POINTS]], np.float32)
    roots = np.sqrt(descriptions[:POINTS] / np.maximum(descriptions[:POINTS].sum(axis=1, keepdims=True), 1e-6))
    return Keypoints(places, roots)


def points_in_common(one: Keypoints, other: Keypoints) -> int:
    """Count the points that are alike in two images, and lie alike but for a shift, a turn and a scale."""
    if min(len(one.places), len(other.places)) < CANDIDATES:
        return 0
    similarity = one.descriptions @ other.descriptions.T
    partner, back = similarity.argmax(axis=1), similarity.argmax(axis=0)
    own = np.arange(len(partner))
    fits = (back[partner] == own) & (similarity[own, partner] > SIMILAR)
    if np.count_nonzero(fits) < CANDIDATES:
        return 0
    move, alike = cv2.estimateAffinePartial2D(
        one.places[fits], other.places[partner[fits]], ransacReprojThreshold=TOLERANCE
    )
    if move is None or not SCALES[0] <= float(np.hypot(move[0, 0], move[0, 1])) <= SCALES[1]:
        return 0
    return int(alike.sum())
