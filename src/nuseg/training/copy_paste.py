"""Copy-paste augmentation: nuclei from elsewhere in an image, pasted so that more of them touch and overlap."""

import cv2
import numpy as np

from nuseg.training.layers import Layers
from nuseg.training.unknown import UNKNOWN, near_unknown
from nuseg.types import Integers, LabelImage

MAX_OVERLAP = 0.35  # share of either nucleus that a pasted one may cover


def copy_paste(patch: Layers, other: Layers, rng: np.random.Generator) -> Layers:
    """Paste about half of one patch's nuclei on another patch, at their places.

    Source: "simple copy-paste" (Ghiasi et al., CVPR 2021), here within one image, so that the stain is the same.

    Parameters
    ----------
    patch
        To paste on, with int32 labels.
    other
        Of the same size, to take nuclei from.
    rng
        Source of all randomness.

    Returns
    -------
    Layers
        Pasted nuclei lie above the others; none covers more than `MAX_OVERLAP` of another.
        A nucleus that touches what is not known, in either patch, is not pasted: half of it may be missing. The
        numbers of pasted nuclei are raised by `shift_of` the labels.
    """
    known = (patch.labels != UNKNOWN) & (other.labels != UNKNOWN)
    nuclei, others = np.maximum(patch.labels, 0), np.maximum(other.labels, 0)
    drawn = rng.random(int(others.max(initial=0)) + 1) < 0.5
    both = (nuclei > 0) & (others > 0)
    pairs, overlap = np.unique(nuclei[both].astype(np.int64) * drawn.size + others[both], return_counts=True)
    below, above = np.divmod(pairs, drawn.size)
    smaller = np.minimum(np.bincount(nuclei.ravel())[below], np.bincount(others.ravel())[above])
    drawn[above[overlap > MAX_OVERLAP * smaller]] = False
    if not known.all():
        drawn[others[near_unknown(known)]] = False
    drawn[0] = False
    pasted = drawn[others]
    # A soft edge, as a microscope would give it.
    share = cv2.GaussianBlur(pasted.astype(np.float32), (5, 5), 1)[..., None]
    return Layers(
        np.rint(patch.pixels + share * (other.pixels.astype(np.float32) - patch.pixels)).astype(np.uint8),
        np.where(pasted, others + shift_of(patch.labels), patch.labels),
        None
        if patch.taught is None or other.taught is None
        else np.where(pasted[..., None], other.taught, patch.taught),
    )


def shift_of(labels: LabelImage) -> int:
    """By how much the numbers of nuclei are raised that are pasted on a patch with these labels."""
    return int(labels.max(initial=0)) + 1


def classes_after(classes: Integers, labels: LabelImage) -> Integers:
    """Number of the class of every label after `copy_paste` on a patch with these labels, of that before: `(n,)`."""
    return np.concatenate([classes[: shift_of(labels)], classes])
