"""CIELAB is that of scikit-image."""

import numpy as np
import pytest
from skimage.color import rgb2lab

from nuseg.preprocess.stain.cielab import from_lab, to_lab

COLOURS = np.stack(np.meshgrid(*[np.r_[0:256:15, 1:12]] * 3, indexing="ij"), axis=-1).reshape(1, -1, 3).astype(np.uint8)


def test_equals_scikit_image() -> None:
    assert to_lab(COLOURS) == pytest.approx(rgb2lab(COLOURS), abs=2e-2)


def test_comes_back() -> None:
    assert np.array_equal(np.rint(from_lab(to_lab(COLOURS))), COLOURS)


def test_what_no_screen_shows_is_clipped() -> None:
    values = from_lab(np.array([[150, 0, 0], [-20, 0, 0], [50, 300, -300], [0, -300, 300]], np.float32))
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    assert (values <= 255).all()
