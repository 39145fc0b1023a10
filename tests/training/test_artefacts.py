"""Ink: dark patches that are no nuclei, and nothing else is changed."""

import numpy as np
import pytest

from nuseg.training.artefacts import COVERED, DARKER, GRAIN, NUCLEI, TINT, add_artefact
from nuseg.training.layers import Layers

SIDE = 128


@pytest.mark.parametrize("seed", range(20))
def test_patches_are_dark_and_hold_no_nucleus(seed):
    pixels = np.full((SIDE, SIDE, 3), 230, np.uint8)
    labels = np.arange(1, SIDE * SIDE + 1, dtype=np.int32).reshape(SIDE, SIDE)
    taught = np.full((SIDE, SIDE, 2), 200, np.uint8)
    inked, left, maps = add_artefact(Layers(pixels, labels, taught), np.random.default_rng(seed))
    assert (inked.shape, inked.dtype, left.dtype) == (pixels.shape, np.uint8, np.int32)
    untouched = (inked == pixels).all(axis=2)
    np.testing.assert_array_equal(left[untouched], labels[untouched])
    assert 1 - COVERED[1] <= untouched.mean() < 1 - 0.9 * COVERED[0]
    # What loses its label is hidden by half or more, and is half as bright at most; the rest keeps it.
    half = 230 / 2 + 256 * np.exp(-(NUCLEI + DARKER[0]) * (1 - TINT)) / 2 + 255 * GRAIN
    dark = inked.mean(axis=2) < half
    assert dark[left == 0].all()
    np.testing.assert_array_equal(left[left > 0], labels[left > 0])
    assert maps is not None
    np.testing.assert_array_equal(maps, np.where(left[..., None] > 0, taught, 0))


def test_most_patches_are_black_somewhere():
    pixels, labels = np.full((SIDE, SIDE, 3), 230, np.uint8), np.ones((SIDE, SIDE), np.int32)
    darkest = [add_artefact(Layers(pixels, labels), np.random.default_rng(seed))[0].min() for seed in range(40)]
    assert np.mean(np.array(darkest) < 60) > 0.8


def test_most_patches_are_darker_than_the_windows_own_nuclei():
    pixels, labels = np.full((SIDE, SIDE, 3), 200, np.uint8), np.zeros((SIDE, SIDE), np.int32)
    pixels[::4], labels[::4] = 40, 1
    darkest = [
        add_artefact(Layers(pixels, labels), np.random.default_rng(seed))[0].mean(axis=2).min() for seed in range(40)
    ]
    assert np.mean(np.array(darkest) < 30) > 0.8


def test_the_seed_decides():
    pixels, labels = np.full((40, 60, 3), 200, np.uint8), np.ones((40, 60), np.int32)
    one, same, other = (add_artefact(Layers(pixels, labels), np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
