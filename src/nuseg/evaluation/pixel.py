"""Scores per pixel: nucleus or background."""

from nuseg.evaluation.contingency import check_pair, ratio
from nuseg.evaluation.ignoring import check_ignore
from nuseg.types import LabelImage, Mask


def pixel_scores(
    true_mask: LabelImage | Mask, pred_mask: LabelImage | Mask, ignore: Mask | None = None
) -> dict[str, float]:
    """Compare two masks pixel by pixel.

    With TP, FP, FN, TN the pixels that are nucleus in both, only in the prediction, only in the truth, in
    neither.

    Parameters
    ----------
    true_mask, pred_mask : (h, w) bool or integer
        Masks or label images: everything but 0 is nucleus.
    ignore : (h, w) bool, optional
        True where it is not known what is there: these pixels are left out.

    Returns
    -------
    dict
        Each in 0..1; for empty images see `nuseg.evaluation.contingency.ratio`.

        - `dice`: 2 TP / (2 TP + FP + FN), the Dice similarity coefficient (DSC) or F1 of pixels (Dice 1945)
        - `iou`: TP / (TP + FP + FN), the Jaccard index of the masks
        - `accuracy`: (TP + TN) / all pixels that count
        - `precision`: TP / (TP + FP)
        - `recall`: TP / (TP + FN)

    Raises
    ------
    NusegError
        An array is not two-dimensional, or the sizes differ.
    """
    check_pair(true_mask, pred_mask)
    true, pred = true_mask != 0, pred_mask != 0
    if ignore is not None:
        check_ignore(true, ignore)
        true, pred = true[~ignore], pred[~ignore]
    positive, found = int(true.sum()), int(pred.sum())
    hits = int((true & pred).sum())
    either = positive + found - hits
    empty = either == 0
    return {
        "dice": ratio(2 * hits, positive + found, empty),
        "iou": ratio(hits, either, empty),
        "accuracy": ratio(true.size - either + hits, true.size, empty),
        "precision": ratio(hits, found, empty),
        "recall": ratio(hits, positive, empty),
    }
