"""Copy-paste augmentation: nuclei from elsewhere in an image, pasted so that more of them touch and overlap."""

import cv2
import numpy as np

MAX_OVERLAP = 0.35  # share of either nucleus that a pasted one may cover


def copy_paste(
    pixels: np.ndarray,
    labels: np.ndarray,
    other_pixels: np.ndarray,
    other_labels: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Paste about half of one patch's nuclei on another patch, at their places.

    Source: "simple copy-paste" (Ghiasi et al., CVPR 2021), here within one image, so that the stain is the same.

    Parameters
    ----------
    pixels, other_pixels
        Patches `(h, w, 3)` uint8.
    labels, other_labels
        Their label images `(h, w)` int32.
    rng
        Source of all randomness.

    Returns
    -------
    tuple of np.ndarray
        New patch and labels. Pasted nuclei lie above the others; none covers more than `MAX_OVERLAP` of another.
    """
    first = int(labels.max(initial=0)) + 1
    drawn = rng.random(int(other_labels.max(initial=0)) + 1) < 0.5
    both = (labels > 0) & (other_labels > 0)
    pairs, overlap = np.unique(labels[both].astype(np.int64) * drawn.size + other_labels[both], return_counts=True)
    below, above = np.divmod(pairs, drawn.size)
    smaller = np.minimum(np.bincount(labels.ravel())[below], np.bincount(other_labels.ravel())[above])
    drawn[above[overlap > MAX_OVERLAP * smaller]] = False
    drawn[0] = False
    pasted = drawn[other_labels]
    # A soft edge, as a microscope would give it.
    share = cv2.GaussianBlur(pasted.astype(np.float32), (5, 5), 1)[..., None]
    blend = np.rint(pixels + share * (other_pixels.astype(np.float32) - pixels)).astype(np.uint8)
    return blend, np.where(pasted, other_labels + first, labels)
