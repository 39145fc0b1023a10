"""What is scored where the annotation does not say everything: ignored areas, and the nuclei in them.

The rule is that of COCO's crowds (Lin et al., ECCV 2014, and its published evaluation code), with areas in place of
boxes:

- A true nucleus with more than half of its pixels in the ignored area is left out. Its pixels are ignored as well.
- A predicted nucleus with more than half of its pixels in what is ignored is left out, unless it matches a true nucleus
  that counts: it is neither right nor wrong.
- Of all others, only the pixels outside of what is ignored are compared.
"""

import numpy as np

from nuseg.errors import NusegError
from nuseg.evaluation.contingency import check_labels, find_overlaps, in_order
from nuseg.types import Integers, LabelImage, Mask


def leave_out(true_labels: LabelImage, pred_labels: LabelImage, ignore: Mask | None) -> tuple[LabelImage, LabelImage]:
    """Give the two label images with only what counts.

    Parameters
    ----------
    true_labels, pred_labels : (h, w) integer
        Label images, 0 = background.
    ignore : (h, w) bool, optional
        True where it is not known what is there.

    Returns
    -------
    true_labels, pred_labels : (h, w) integer
        With 0 in place of all that is left out.

    Raises
    ------
    NusegError
        The arrays are no label images, or differ in size.
    """
    check_labels(true_labels, pred_labels)
    if ignore is None:
        return true_labels, pred_labels
    check_ignore(true_labels, ignore)
    if not ignore.any():
        return true_labels, pred_labels
    ignored = ignore | np.isin(true_labels, mostly_in(true_labels, ignore))
    doubtful = mostly_in(pred_labels, ignored)
    true, pred = np.where(ignored, 0, true_labels), np.where(ignored, 0, pred_labels)
    overlaps = find_overlaps(true, pred)
    matched = in_order(pred)[overlaps.pred_index[overlaps.matches]]
    return true, np.where(np.isin(pred, np.setdiff1d(doubtful, matched)), 0, pred)


def mostly_in(labels: LabelImage, area: Mask) -> Integers:
    """Give the numbers of the nuclei with more than half of their pixels in an area, ascending."""
    numbers, owner = np.unique(labels, return_inverse=True)
    inside = np.bincount(owner.ravel(), weights=area.ravel())
    return numbers[(2 * inside > np.bincount(owner.ravel())) & (numbers > 0)]


def check_ignore(labels: LabelImage | Mask, ignore: Mask) -> None:
    """Refuse a mask of what is ignored that does not fit.

    Raises
    ------
    NusegError
        It is no mask, or differs in size from the label image.
    """
    if ignore.dtype != bool:
        raise NusegError(f"ignore=: expected a mask of True and False, found {ignore.dtype}; give ignore > 0")
    if ignore.shape != labels.shape:
        raise NusegError(f"ignore=: expected the shape of the labels, {labels.shape}, found {ignore.shape}")
