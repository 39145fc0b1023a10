"""Colour deconvolution: known mixtures come apart again."""

import numpy as np
import pytest
from skimage.color import separate_stains as skimage_separate

from nuseg.measure.stain import STAINS, UNMIX, optical_density, separate_stains


def test_density_of_known_values() -> None:
    pixels = np.array([[[255, 26, 0]]], np.uint8)
    assert optical_density(pixels)[0, 0] == pytest.approx([0, np.log10(255 / 26), np.log10(255)], abs=1e-6)


def test_mixture_comes_apart() -> None:
    amounts = np.array([[[0.8, 0.1, 0.0], [0.0, 0.5, 0.0], [0.3, 0.3, 0.0]]])
    pixels = np.rint(255 * 10 ** -(amounts @ STAINS)).astype(np.uint8)
    assert separate_stains(pixels) == pytest.approx(amounts, abs=0.02)


def test_mixing_gives_the_image_back() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    assert separate_stains(pixels) @ STAINS == pytest.approx(optical_density(pixels), abs=1e-5)


def test_equals_scikit_image_with_the_same_matrix() -> None:
    pixels = np.random.default_rng(1).integers(120, 256, (6, 5, 3), np.uint8)
    # scikit-image measures density in units of log(1e-6), and sets negative amounts to 0.
    theirs = skimage_separate(pixels, UNMIX) * 6
    assert np.maximum(separate_stains(pixels), 0) == pytest.approx(theirs, abs=1e-4)


def test_vectors_are_the_papers() -> None:
    assert STAINS[0] == pytest.approx(np.array([0.65, 0.70, 0.29]) / np.linalg.norm([0.65, 0.70, 0.29]))
    assert STAINS[2] @ STAINS[0] == pytest.approx(0, abs=1e-12)
    assert STAINS[2] @ STAINS[1] == pytest.approx(0, abs=1e-12)
