"""Copy-paste augmentation: pasted nuclei lie above the others, and hide none of them."""

import numpy as np
import pytest
from scipy import ndimage

from nuseg.training.copy_paste import MAX_OVERLAP, copy_paste
from nuseg.training.layers import Layers
from nuseg.training.unknown import UNKNOWN


def window(*corners: tuple[int, int], colour: int) -> Layers:
    labels = np.zeros((40, 40), np.int32)
    for number, (y, x) in enumerate(corners, 1):
        labels[y : y + 10, x : x + 10] = number
    pixels = np.where(labels > 0, colour, 250).astype(np.uint8)[..., None].repeat(3, 2)
    return Layers(pixels, labels, np.stack([labels, labels + 100], 2).astype(np.uint8))


@pytest.mark.parametrize("seed", range(10))
def test_a_pasted_nucleus_lies_above_and_what_would_hide_another_is_left_out(seed):
    patch = window((0, 0), (20, 20), colour=50)
    pixels, labels, _ = patch
    others = window((2, 18), (22, 28), (20, 2), (21, 21), colour=150)
    # The third touches none; the second covers a fifth of a nucleus; the fourth nearly all of it.
    blend, crowded, taught = copy_paste(patch, others, np.random.default_rng(seed))
    pasted = set(np.unique(crowded)) - {0, 1, 2}
    assert pasted <= {4, 5, 6}
    for number in pasted:
        place = others.labels == number - 3
        assert (crowded[place] == number).all()
        assert taught is not None
        np.testing.assert_array_equal(taught[place], [[number - 3, number + 97]] * np.count_nonzero(place))
        assert blend[place].mean() == pytest.approx(150, abs=30)
    assert np.count_nonzero(crowded == 2) >= (1 - MAX_OVERLAP) * 100
    np.testing.assert_array_equal(crowded[labels == 1], 1)
    far = ndimage.distance_transform_cdt(crowded == labels) > 3
    np.testing.assert_array_equal(blend[far], pixels[far])


def test_about_half_are_pasted():
    patch = window(colour=50)
    others = window(*[(y, x) for y in (0, 14, 28) for x in (0, 14, 28)], colour=150)
    counts = [len(np.unique(copy_paste(patch, others, np.random.default_rng(s)).labels)) - 1 for s in range(40)]
    assert np.mean(counts) == pytest.approx(4.5, abs=0.8)


@pytest.mark.parametrize("seed", range(6))
def test_what_may_be_half_a_nucleus_is_not_pasted(seed):
    patch = window(colour=50)
    others = window((0, 0), (8, 18), (25, 0), (25, 25), colour=150)
    others.labels[10:15, 0:10] = UNKNOWN  # touches the first nucleus alone
    patch.labels[20:25, 30:40] = UNKNOWN  # under it, the last one would touch
    alone, drawn = set(), np.random.default_rng(seed)
    for _ in range(8):
        blend, crowded, _ = copy_paste(patch, others, drawn)
        np.testing.assert_array_equal(crowded == UNKNOWN, patch.labels == UNKNOWN)
        assert (blend[22:25, 33:37] == 250).all()
        alone |= set(np.unique(crowded)) - {0, UNKNOWN}
    assert alone == {1 + 2, 1 + 3}


def test_nothing_to_paste_changes_nothing():
    patch = window((3, 3), colour=50)
    for before, after in zip(patch, copy_paste(patch, window(colour=150), np.random.default_rng(0)), strict=True):
        np.testing.assert_array_equal(before, after)
