"""What reports need of an overview, found strip by strip."""

import cv2
import numpy as np
import pytest

from nuseg.measure.stain import optical_density
from nuseg.results.facts import ROWS_AT_ONCE, TISSUE, tissue_densities


@pytest.mark.parametrize("height", [1, ROWS_AT_ONCE, 2 * ROWS_AT_ONCE + 5])
def test_densities_of_tissue_are_those_of_the_whole_picture(height: int) -> None:
    rng = np.random.default_rng(height)
    thumbnail = cv2.GaussianBlur(rng.integers(0, 256, (height, 40, 3)).astype(np.uint8), (0, 0), 2)
    thumbnail[:, :10] = 255
    counted = rng.random((height, 40)) < 0.7
    density = optical_density(cv2.GaussianBlur(thumbnail, (0, 0), 1))
    expected = density[counted & (density.mean(axis=2) > TISSUE)]
    found = tissue_densities(thumbnail, counted)
    assert len(found) > 0
    assert np.array_equal(found, expected)


def test_glass_has_none() -> None:
    assert tissue_densities(np.full((20, 30, 3), 255, np.uint8), np.ones((20, 30), bool)).shape == (0, 3)
