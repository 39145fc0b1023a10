"""Counts and density by hand."""

import numpy as np
import pytest

from nuseg.measure.counts import image_area_mm2, mask_fraction, nuclei_per_mm2


def test_density_of_a_square_millimetre() -> None:
    assert image_area_mm2((2000, 4000, 3), 0.25) == pytest.approx(0.5)
    assert nuclei_per_mm2(30, (2000, 4000), 0.25) == pytest.approx(60)
    assert nuclei_per_mm2(30, (2000, 4000), 0.5) == pytest.approx(15)


def test_mask_fraction() -> None:
    assert mask_fraction(np.array([[0, 1], [0, 2], [0, 2], [0, 0]])) == pytest.approx(3 / 8)
