"""The shift of labels, by generated images whose shift is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuseg.datasets.synthetic import synthetic_field
from nuseg.quality.alignment import RIM, best_shift, edge_contrast
from nuseg.quality.checks.shift import moves, robust_middle, words

REACH = 6
PIXELS, LABELS = synthetic_field(240, 260, 3)


@given(st.integers(-5, 5), st.integers(-5, 5))
@settings(deadline=None, max_examples=12)
def test_shift_is_found_back(down: int, right: int) -> None:
    moved = np.roll(LABELS, (down, right), axis=(0, 1))
    assert best_shift(edge_contrast(PIXELS, moved, REACH)) == pytest.approx((-down, -right), abs=0.6)


def test_contrast_is_the_mean_inside_less_the_mean_outside() -> None:
    """As worked out pixel by pixel, where the labels lie as they are."""
    import cv2

    from nuseg.measure.stain import optical_density

    labels = np.zeros_like(LABELS)
    labels[60:180, 60:200] = LABELS[60:180, 60:200]
    mask = (labels > 0).astype(np.uint8)
    density = cv2.GaussianBlur(optical_density(PIXELS).mean(axis=2), (0, 0), 0.7)
    inner = density[(mask == 1) & (cv2.erode(mask, RIM) == 0)].mean()
    outer = density[(mask == 0) & (cv2.dilate(mask, RIM) == 1)].mean()
    assert edge_contrast(PIXELS, labels, REACH)[REACH, REACH] == pytest.approx(inner - outer, abs=1e-4)


def test_fraction_of_a_pixel_is_the_top_of_a_parabola() -> None:
    y, x = np.indices((9, 9)) - 4.0
    contrast = 5 - (y - 1.3) ** 2 - 2 * (x + 0.4) ** 2
    assert best_shift(contrast) == pytest.approx((1.3, -0.4))


def test_no_nuclei_no_contrast() -> None:
    contrast = edge_contrast(PIXELS, np.zeros_like(LABELS), REACH)
    assert not contrast.any()
    assert np.isfinite(best_shift(contrast)).all()


def test_words() -> None:
    shift = np.array([0.66, -0.41])
    assert words(shift) == "0.66 px too high and 0.41 px too far right"
    assert moves(shift) == "0.66 px down and 0.41 px left"


def test_middle_does_not_follow_an_outlier() -> None:
    shifts = np.array([[0.6, 0.1]] * 9 + [[-20.0, 20.0]])
    middle, spread = robust_middle(shifts)
    assert middle == pytest.approx([0.6, 0.1])
    assert spread == pytest.approx([0.1, 0.1])
