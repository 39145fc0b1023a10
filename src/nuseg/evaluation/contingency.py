"""What two label images share: the contingency table that every object score is computed from."""

from dataclasses import dataclass

import numpy as np

from nuseg.errors import NusegError
from nuseg.types import Floats, Integers, LabelImage, Mask


@dataclass(frozen=True)
class Overlaps:
    """Contingency table of two label images with `n` true and `m` predicted nuclei, without the background.

    Nuclei are numbered from 0 in the order of their first pixel, row by row. The numbers in the label images
    therefore never change a score, not even where a tie must be broken.

    Attributes
    ----------
    true_areas, pred_areas : (n,), (m,) int64
        Pixels of each nucleus.
    true_index, pred_index : (k,) int64
        The pairs that share a pixel, sorted by true nucleus, then by predicted nucleus.
    intersection : (k,) int64
        Shared pixels of each pair.
    """

    true_areas: Integers
    pred_areas: Integers
    true_index: Integers
    pred_index: Integers
    intersection: Integers

    @property
    def union(self) -> Integers:
        """Pixels that each pair covers together, (k,) int64."""
        return self.true_areas[self.true_index] + self.pred_areas[self.pred_index] - self.intersection

    @property
    def iou(self) -> Floats:
        """Jaccard index of each pair, (k,) float64 in 0..1."""
        return self.intersection / self.union

    @property
    def matches(self) -> Mask:
        """Which pairs match: those with an IoU above 0.5 (not at 0.5: only so is every match unique), (k,) bool."""
        return 2 * self.intersection > self.union

    @property
    def both_empty(self) -> bool:
        """Whether neither image has a nucleus."""
        return not (self.true_areas.size or self.pred_areas.size)


def find_overlaps(true_labels: LabelImage, pred_labels: LabelImage) -> Overlaps:
    """Count the pixels of every nucleus and of every overlapping pair, in one pass over the pixels.

    Parameters
    ----------
    true_labels, pred_labels : (h, w) integer
        Label images, 0 = background; any integer dtype, numbers need not be consecutive.

    Raises
    ------
    NusegError
        The arrays are no label images or differ in size.
    """
    check_labels(true_labels, pred_labels)
    true, pred = true_labels.ravel(), pred_labels.ravel()
    # Runs of equal pixels are some twenty times fewer than pixels: sorting them is cheap.
    changes = (true[1:] != true[:-1]) | (pred[1:] != pred[:-1])
    starts = np.flatnonzero(np.concatenate([np.ones(min(true.size, 1), bool), changes]))
    lengths = np.diff(starts, append=true.size)
    true_runs, true_areas = _number(true[starts], lengths)
    pred_runs, pred_areas = _number(pred[starts], lengths)
    shared = (true_runs >= 0) & (pred_runs >= 0)
    code = true_runs[shared] * pred_areas.size + pred_runs[shared]
    pairs, pair = np.unique(code, return_inverse=True)
    true_index, pred_index = np.divmod(pairs, max(pred_areas.size, 1))
    return Overlaps(true_areas, pred_areas, true_index, pred_index, _total(pair, lengths[shared], pairs.size))


def check_labels(true_labels: LabelImage, pred_labels: LabelImage) -> None:
    """Refuse arrays that are no label images of one size.

    Raises
    ------
    NusegError
        An array is not two-dimensional, has other values than whole numbers from 0, or the sizes differ.
    """
    check_pair(true_labels, pred_labels)
    for name, labels in (("true", true_labels), ("predicted", pred_labels)):
        if labels.dtype.kind not in "ui":
            raise NusegError(
                f"{name} labels: expected whole numbers (0 = background, 1..N = nuclei), found {labels.dtype}"
                "; number the nuclei of a mask with skimage.measure.label"
            )
        if labels.min(initial=0) < 0:
            raise NusegError(f"{name} labels: expected numbers from 0, found {labels.min()}")


def in_order(labels: LabelImage) -> Integers:
    """Give the numbers of the nuclei in the order in which `Overlaps` has them: that of their first pixels."""
    numbers, first = np.unique(labels, return_index=True)
    by_place = np.argsort(first)
    return numbers[by_place][numbers[by_place] > 0]


def check_pair(true: LabelImage | Mask, pred: LabelImage | Mask) -> None:
    """Refuse arrays that cannot be compared pixel by pixel.

    Raises
    ------
    NusegError
        An array is not two-dimensional, or the sizes differ.
    """
    for name, array in (("true", true), ("predicted", pred)):
        if array.ndim != 2:
            raise NusegError(f"{name} labels: expected an array (height, width), found shape {array.shape}")
    if true.shape != pred.shape:
        raise NusegError(
            f"truth is {true.shape[1]}x{true.shape[0]} but prediction is {pred.shape[1]}x{pred.shape[0]} "
            "(width x height): compare images of one size"
        )


def ratio(part: float, whole: float, both_empty: bool) -> float:
    """`part / whole`, with the one rule for empty images that every score follows.

    0 / 0 is 1 where neither image has a nucleus (nothing to find and nothing found is perfect), and 0 otherwise.
    So if only one of the images is empty, every overlap score is 0; pixel accuracy, which counts background too,
    is not.
    """
    if whole == 0:
        return float(both_empty)
    return float(part / whole)


def _number(values: Integers, lengths: Integers) -> tuple[Integers, Integers]:
    """Number the nuclei by first appearance: number of each run (background -1), area of each nucleus."""
    present, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    nuclei = np.flatnonzero(present)
    numbers = np.full(present.size, -1, np.int64)
    numbers[nuclei[np.argsort(first[nuclei])]] = np.arange(nuclei.size)
    runs = numbers[inverse]
    inside = runs >= 0
    return runs, _total(runs[inside], lengths[inside], nuclei.size)


def _total(index: Integers, lengths: Integers, size: int) -> Integers:
    return np.bincount(index, weights=lengths, minlength=size).astype(np.int64)
