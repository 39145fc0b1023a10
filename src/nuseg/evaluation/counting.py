"""How far counts of nuclei are off: what images, slides and laboratories share of it, and what is local."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from nuseg.measure.counts import HALF, LARGEST, CountError, count_interval
from nuseg.types import Floats, Integers, LabelImage

FEWEST_IMAGES = 3  # fewer say nothing of how images differ
OUTSIDE = 0.05  # chance that the true number lies below the interval, and that it lies above


@dataclass(frozen=True)
class ImageCounts:
    """Nuclei of one image, annotated and found, in each of its quarters.

    Attributes
    ----------
    dataset : str
        That the image is from.
    true, found : (4,) integer
        From `count_quarters`.
    """

    dataset: str
    true: Integers
    found: Integers


def count_error(images: Sequence[ImageCounts]) -> CountError | None:
    """Fit how far counts are off, so that nine of ten true numbers lie within `nuseg.measure.counts.count_interval`.

    The logarithm of true over found number is taken as a sum of three errors: of the dataset (laboratory, scanner, what
    its annotators call a nucleus), of the image within it, and of single places. The variance of the last is 1 / n of
    that of one nucleus, and is measured between the quarters of an image, which share the other two. What the images
    vary beyond it is their own; what the datasets vary beyond both is theirs. The interval is that of a further image
    from a further dataset; with one dataset, of a further image of the same.

    Parameters
    ----------
    images
        That the network did not learn from.

    Returns
    -------
    CountError or None
        None for fewer than three images: they say nothing.

    References
    ----------
    Method of moments for random effects: DerSimonian & Laird, "Meta-analysis in clinical trials", Controlled Clinical
    Trials 7 (1986). Degrees of freedom of a sum of variances: Satterthwaite, Biometrics Bulletin 2 (1946).
    """
    if len(images) < FEWEST_IMAGES:
        return None
    sets = [[image for image in images if image.dataset == name] for name in sorted({i.dataset for i in images})]
    local = float(np.mean([local_variance(each) for each in sets]))
    centre, variance, freedom = shared_error(sets, local)
    far = float(student.ppf(1 - OUTSIDE, freedom))
    low, high = np.exp(centre + np.array([-1, 1]) * far * np.sqrt(variance))
    true, found = np.array([totals(image) for image in images], float).T
    error = (found - true) / np.maximum(true, 1)  # the true number may be 0
    return CountError(
        images=len(images),
        datasets=len(sets),
        bias=round(float(error.mean()), 4),
        mean_absolute=round(float(np.abs(error).mean()), 4),
        low=round(float(np.clip(low, 1 / LARGEST, LARGEST)), 4),
        high=round(float(np.clip(high, 1 / LARGEST, LARGEST)), 4),
        local=round(min(far * float(np.sqrt(local)), 10.0), 4),
    )


def totals(image: ImageCounts) -> tuple[int, int]:
    """Nuclei of a whole image: annotated, found."""
    return int(image.true.sum()), int(image.found.sum())


def coverage(images: Sequence[ImageCounts], error: CountError) -> float:
    """Share of images whose true number lies within the interval of `error`, 0..1."""
    held = []
    for image in images:
        true, found = totals(image)
        low, high = count_interval(found, error) or (0, 0)
        held.append(low <= true <= high)
    return float(np.mean(held))


def log_ratio(true: Floats, found: Floats) -> Floats:
    """Logarithm of true over found number, also where one of them is 0."""
    ratio: Floats = np.log((true + HALF) / (found + HALF))
    return ratio


def local_variance(images: Sequence[ImageCounts]) -> float:
    """Variance of the log ratio of one nucleus alone, by how the quarters of images differ; 1 where none tells."""
    squares = expected = 0.0
    for image in images:
        true, found = totals(image)
        if true and found:
            squares += float(((image.true * (found / true) - image.found) ** 2).sum())
            expected += float((image.found * (1 - image.found / found)).sum())
    return squares / expected if expected else 1.0


def shared_error(sets: Sequence[Sequence[ImageCounts]], local: float) -> tuple[float, float, float]:
    """Separate what datasets and images differ by from what is local.

    Parameters
    ----------
    sets
        Images of each dataset.
    local : float
        Variance of the log ratio of one nucleus.

    Returns
    -------
    centre : float
        Expected log ratio; each dataset weighs the same.
    variance : float
        Of the log ratio of a further image with very many nuclei, from a further dataset.
    freedom : float
        Degrees of freedom of this variance.
    """
    counts = [np.array([totals(image) for image in each], float).T for each in sets]
    means = np.array([log_ratio(true.sum(), found.sum()) for true, found in counts])
    images_freedom = sum(len(each) - 1 for each in sets)
    # A dataset's own mean takes one of its images' freedom.
    beyond = sum(
        ((log_ratio(true, found) - mean) ** 2).sum() - (1 - 1 / len(true)) * (local / (found + HALF)).sum()
        for (true, found), mean in zip(counts, means, strict=True)
    )
    of_images = max(float(beyond) / images_freedom, 0.0) if images_freedom else 0.0
    of_means = float(np.mean([of_images / len(found) + local / (found.sum() + HALF) for _, found in counts]))
    number = len(sets)
    of_sets = max(float(means.var(ddof=1)) - of_means, 0.0) if number > 1 else 0.0
    parts = of_sets * (1 + 1 / number), of_images + of_means / number
    weights = parts[0] ** 2 / max(number - 1, 1) + parts[1] ** 2 / max(images_freedom, 1)
    freedom = sum(parts) ** 2 / weights if weights else float(images_freedom or number)
    return float(means.mean()), sum(parts), freedom


def count_scores(true_count: int, pred_count: int) -> dict[str, float]:
    """Both numbers of nuclei of an image, the error (predicted less true) and its absolute value."""
    error = pred_count - true_count
    counts = {"true_count": true_count, "pred_count": pred_count, "count_error": error, "abs_count_error": abs(error)}
    return {name: float(count) for name, count in counts.items()}


def centroids(labels: LabelImage) -> tuple[Floats, Floats]:
    """Find the middle of each nucleus in a label image: x and y, `(n,)` float64 px, in the order of their labels."""
    place = np.flatnonzero(labels)
    _, owner = np.unique(labels.ravel()[place], return_inverse=True)
    y, x = np.divmod(place, labels.shape[1])
    area = np.bincount(owner)
    return np.bincount(owner, x + 0.5) / area, np.bincount(owner, y + 0.5) / area


def count_quarters(x: Floats, y: Floats, shape: tuple[int, ...]) -> Integers:
    """Count nuclei by their centroids (px) in the four quarters of an image of `shape` (height, width, ...)."""
    quarter = 2 * (y >= shape[0] / 2) + (x >= shape[1] / 2)
    return np.bincount(quarter, minlength=4)
