"""How densely nuclei lie, as a map over a whole slide."""

import cv2
import numpy as np

from nuseg.measure.counts import image_area_mm2


class CountGrid:
    """Nuclei counted on a coarse grid over a slide, as they come.

    Attributes
    ----------
    counts : (h, w) int64
        Nuclei whose centroid lies in each cell.
    """

    def __init__(self, shape: tuple[int, int], width: int, height: int) -> None:
        """Lay a grid of `shape` (rows, columns) over a slide of `width` x `height` px."""
        self.counts = np.zeros(shape, np.int64)
        self._cells_per_px = np.array([shape[0] / height, shape[1] / width])

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Count nuclei by their centroids, `(n,)` float in px of the slide; those outside go to the nearest cell."""
        rows, columns = self.counts.shape
        cells = np.stack([y, x]) * self._cells_per_px[:, None]
        row, column = np.clip(cells.astype(np.int64), 0, [[rows - 1], [columns - 1]])
        np.add.at(self.counts, (row, column), 1)


def density_map(counts: np.ndarray, mpp: float, sigma_um: float) -> np.ndarray:
    """Nuclei per mm2 around each cell: counts smoothed with a Gaussian, over the area of a cell.

    Parameters
    ----------
    counts : (h, w) integer
        Nuclei in each cell.
    mpp : float
        Side of a cell (um).
    sigma_um : float
        Standard deviation of the Gaussian (um). What lies outside the slide counts as empty.

    Returns
    -------
    (h, w) float32
        Where no nucleus is cut off by the border, its mean times the area is the number of nuclei.
    """
    smooth = cv2.GaussianBlur(counts.astype(np.float32), (0, 0), sigma_um / mpp, borderType=cv2.BORDER_CONSTANT)
    return smooth / np.float32(image_area_mm2((1, 1), mpp))
