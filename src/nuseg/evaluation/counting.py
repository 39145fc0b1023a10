"""How far counts of nuclei are off, from image to image."""

from collections.abc import Sequence

import numpy as np

from nuseg.measure.counts import CountError

OUTSIDE = 20  # one of so many images lies below the interval, and one above


def count_error(true_counts: Sequence[int], found_counts: Sequence[int]) -> CountError | None:
    """Compare counts over images, each weighing the same.

    Parameters
    ----------
    true_counts, found_counts : (n,)
        Nuclei of each image; images in which none was found are left out, as they have no ratio.

    Returns
    -------
    CountError or None
        The interval of true over found holds nine of ten further images of the same kind, if there are nineteen
        images or more (split conformal prediction: Vovk et al., "Algorithmic learning in a random world", 2005).
        With fewer it reaches from the lowest to the highest ratio seen, and holds (n - 1) of (n + 1). None without
        images.
    """
    pairs = np.array([(true, found) for true, found in zip(true_counts, found_counts, strict=True) if found], float)
    if not len(pairs):
        return None
    true, found = pairs.T
    ratio = np.sort(true / found)
    outside = (len(ratio) + 1) // OUTSIDE
    # Not over the true number, which may be 0.
    error = (found - true) / np.maximum(true, 1)
    return CountError(
        images=len(ratio),
        bias=round(float(error.mean()), 4),
        mean_absolute=round(float(np.abs(error).mean()), 4),
        low=round(float(ratio[max(outside - 1, 0)]), 4),
        high=round(float(ratio[min(len(ratio) - outside, len(ratio) - 1)]), 4),
    )
