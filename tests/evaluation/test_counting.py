"""Errors of counts, by hand and by simulation."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from skimage.measure import regionprops_table

from nuseg.evaluation.counting import (
    ImageCounts,
    centroids,
    count_error,
    count_quarters,
    coverage,
    local_variance,
    shared_error,
)
from nuseg.measure.counts import CountError
from nuseg.model.store import load_model, shipped_models

COUNTS = Path(__file__).resolve().parents[2] / "benchmarks" / "shipped_model" / "counts.csv"


def image(dataset: str, true: list[int] | np.ndarray, found: list[int] | np.ndarray) -> ImageCounts:
    return ImageCounts(dataset, np.asarray(true), np.asarray(found))


def whole(true: int, found: int, dataset: str = "a") -> ImageCounts:
    """An image whose nuclei lie in one quarter, so that nothing is known of the local part."""
    return image(dataset, [true, 0, 0, 0], [found, 0, 0, 0])


def drawn(
    rng: np.random.Generator, datasets: int, images: int, of_sets: float, of_images: float, local: float
) -> list[ImageCounts]:
    """Images whose log ratios have these standard deviations."""
    made = []
    for name in range(datasets):
        shift = rng.normal(0, of_sets)
        for _ in range(images):
            found = rng.integers(20, 300, 4)
            own = np.exp(shift + rng.normal(0, of_images))
            true = np.rint(found * own * np.exp(rng.normal(0, local / np.sqrt(found))))
            made.append(image(f"set {name}", true.astype(int), found))
    return made


def test_mean_errors_by_hand() -> None:
    found = count_error([whole(100, 110), whole(50, 40), whole(80, 80)])
    assert found is not None
    assert (found.images, found.datasets) == (3, 1)
    assert found.bias == pytest.approx((0.1 - 0.2 + 0) / 3, abs=1e-4)
    assert found.mean_absolute == pytest.approx(0.1, abs=1e-4)


def test_one_dataset_of_large_images_by_hand() -> None:
    # So many nuclei that the local part vanishes: the t interval of the mean of the log ratios, for one more image.
    ratios = np.array([0.9, 1.0, 1.2])
    sets = [[whole(round(ratio * 10**9), 10**9) for ratio in ratios]]
    centre, variance, freedom = shared_error(sets, local=1.0)
    assert centre == pytest.approx(np.log(ratios.mean()))
    squares = ((np.log(ratios) - centre) ** 2).sum()
    assert variance == pytest.approx(squares / 2 * (1 + 1 / 3), rel=1e-6)
    assert freedom == pytest.approx(2)


def test_too_few_images_say_nothing() -> None:
    assert count_error([]) is None
    assert count_error([whole(3, 3), whole(4, 4)]) is None


@pytest.mark.parametrize("counts", [(0, 0), (0, 5), (5, 0)])
def test_images_without_nuclei(counts: tuple[int, int]) -> None:
    found = count_error([whole(*counts), whole(*counts), whole(*counts)])
    assert found is not None
    assert np.isfinite(list(found.model_dump().values())).all()


def test_exact_counts_leave_nothing_to_expect() -> None:
    same = [image("ab"[n % 2], [30 + n, 40, 50, 60], [30 + n, 40, 50, 60]) for n in range(8)]
    found = count_error(same)
    assert found is not None
    assert (found.low, found.high, found.local, found.bias) == (1, 1, 0, 0)


def test_parts_of_the_error_are_told_apart() -> None:
    rng = np.random.default_rng(1)
    local = 0.8
    images = drawn(rng, 60, 30, of_sets=0.15, of_images=0.1, local=local)
    assert local_variance(images) == pytest.approx(local**2, rel=0.1)
    names = sorted({each.dataset for each in images})
    sets = [[each for each in images if each.dataset == name] for name in names]
    centre, variance, _ = shared_error(sets, local**2)
    assert centre == pytest.approx(0, abs=0.05)
    assert variance == pytest.approx(0.15**2 + 0.1**2, rel=0.25)


@pytest.mark.parametrize(("datasets", "images"), [(1, 12), (4, 10), (8, 6)])
def test_nine_of_ten_further_images_lie_within(datasets: int, images: int) -> None:
    rng = np.random.default_rng(0)
    held = []
    for _ in range(300):
        seen = drawn(rng, datasets + (datasets > 1), images + (datasets == 1), 0.15, 0.1, 0.8)
        # With several datasets one is new; with one only the image is.
        kept = [each for each in seen if each.dataset != f"set {datasets}"][: datasets * images]
        error = count_error(kept)
        assert error is not None
        held.append(coverage(seen[-1:], error))
    assert np.mean(held) == pytest.approx(0.9, abs=0.045)


def test_coverage_by_hand() -> None:
    error = CountError(images=9, bias=0, mean_absolute=0.1, low=0.9, high=1.2)
    images = [whole(90, 100), whole(120, 100), whole(121, 100), whole(89, 100)]
    assert coverage(images, error) == 0.5


def test_centroids_are_scikit_images() -> None:
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 6, (20, 30)).astype(np.int32)
    labels[labels == 3] = 0  # numbers may be missing
    theirs = regionprops_table(labels, properties=["centroid"])
    x, y = centroids(labels)
    np.testing.assert_allclose((y, x), (theirs["centroid-0"] + 0.5, theirs["centroid-1"] + 0.5))
    assert centroids(np.zeros((3, 4), np.int32))[0].shape == (0,)


def test_every_nucleus_lies_in_one_quarter() -> None:
    x, y = np.array([0.5, 9.5, 0.5, 9.5, 5.0]), np.array([0.5, 0.5, 19.5, 19.5, 10.0])
    assert count_quarters(x, y, (20, 10, 3)).tolist() == [1, 1, 1, 2]
    assert count_quarters(x[:0], y[:0], (20, 10)).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("name", shipped_models())
def test_shipped_models_state_the_fit_to_the_counts_that_are_kept(name: str) -> None:
    table = pd.read_csv(COUNTS)
    counted = "default" if name == "cell-types" else name  # whose nuclei it finds
    rows = table[table["model"] == counted].groupby(["dataset", "image"])
    images = [image(dataset, part["true"].to_numpy(), part["found"].to_numpy()) for (dataset, _), part in rows]
    assert load_model(name).config.count_error == count_error(images)
