"""Maps to nuclei: hand-made maps, and properties on random ones."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.segmentation import watershed

from nuseg.engines.maps import quantise
from nuseg.model.config import Thresholds
from nuseg.segmentation import postprocess
from nuseg.segmentation.postprocess import (
    blur_radius,
    fill_holes,
    find_foreground,
    grow,
    share_out,
    smooth,
)
from nuseg.training.targets import perfect_maps
from untiled import cut_giants, separate

PLAIN = Thresholds(smoothing=0, min_area_um2=0)


def discs(*centres: tuple[float, float], radius: float = 8, shape: tuple[int, int] = (40, 60)) -> np.ndarray:
    y, x = np.indices(shape)
    labels = np.zeros(shape, np.int32)
    nearest = np.full(shape, np.inf)
    for number, (cy, cx) in enumerate(centres, 1):
        distance = np.hypot(y - cy, x - cx)
        inside = (distance <= radius) & (distance < nearest)
        labels[inside] = number
        nearest[inside] = distance[inside]
    return labels


def smooth_maps(seed: int, shape: tuple[int, int] = (60, 80)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    maps = ndimage.gaussian_filter(rng.normal(size=(2, *shape)), (0, 2.5, 2.5))
    return np.clip(0.5 + maps / (3 * maps.std()), 0, 1).astype(np.float32)


def test_true_targets_give_the_true_nuclei_back():
    labels = discs((12, 12), (12, 27), (25, 45))  # the first two touch
    found = separate(perfect_maps(labels), PLAIN, mpp=0.25)
    assert found.max() == 3
    np.testing.assert_array_equal(found > 0, labels > 0)
    agreement = max(np.mean(found[labels == k] == v) for k in (1,) for v in (1, 2, 3))
    assert agreement > 0.97


def test_empty_maps_give_no_nuclei():
    found = separate(np.zeros((2, 5, 7), np.float32), PLAIN, 0.25)
    assert found.shape == (5, 7)
    assert found.dtype == np.int32
    assert not found.any()


def test_foreground_is_the_mean_of_probability_and_risen_distance():
    maps = quantise(np.array([[[0.5, 0.49, 0.2, 0.9, 0.9]], [[0.0, 1.0, 0.4, 0.0, 0.05]]], np.float32))
    alone = find_foreground(maps, PLAIN)
    np.testing.assert_array_equal(alone, [[True, False, False, True, True]])
    # By hand, at a share of 0.5: 0.25, 0.745, 0.6, 0.45, 0.51.
    both = find_foreground(maps, PLAIN.model_copy(update={"distance_share": 0.5}))
    np.testing.assert_array_equal(both, [[False, True, True, False, True]])


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 0.99), st.floats(0, 0.99), st.integers(0, 10_000))
def test_foreground_in_whole_numbers_is_the_one_in_floating_point(level, share, seed):
    maps = np.random.default_rng(seed).integers(0, 256, (2, 40, 50), np.uint8)
    found = find_foreground(maps, Thresholds(mask=level, distance_share=share))
    probability, distance = maps / 255
    exact = (1 - share) * probability + share * np.minimum(2.5 * distance, 1)
    sure = np.abs(exact - level) > 0.003
    np.testing.assert_array_equal(found[sure], (exact >= level)[sure])


def test_a_component_without_a_seed_becomes_one_nucleus():
    maps = np.zeros((2, 10, 10), np.float32)
    maps[0, 2:5, 2:5] = 0.9
    maps[1, 2:5, 2:5] = 0.1
    found = separate(maps, PLAIN, 0.25)
    assert found.max() == 1
    assert (found > 0).sum() == 9


def test_small_nuclei_are_dropped_by_area_in_um2():
    maps = np.zeros((2, 12, 12), np.float32)
    maps[:, 1:4, 1:4] = 0.9  # 9 px
    maps[:, 6:11, 6:11] = 0.9  # 25 px
    thresholds = Thresholds(smoothing=0, min_area_um2=1.0)
    assert separate(maps, thresholds, mpp=0.25).max() == 1  # 1 um2 = 16 px
    assert separate(maps, thresholds, mpp=0.5).max() == 2  # 1 um2 = 4 px


def test_nuclei_are_dropped_by_their_mean_of_probability_and_distance():
    maps = np.zeros((2, 12, 12), np.float32)
    maps[:, 1:4, 1:4] = 0.6
    maps[:, 6:11, 6:11] = 0.6
    maps[0, 6:11, 6:10], maps[1, 6:11, 6:10] = 1, 0.8  # mean 0.84
    kept = separate(maps, Thresholds(smoothing=0, min_area_um2=0, min_raw_probability=0.8), 0.25)
    assert kept.max() == 1
    assert (kept > 0).sum() == 25
    assert separate(maps, Thresholds(smoothing=0, min_area_um2=0, min_raw_probability=0.85), 0.25).max() == 0


def test_holes_are_filled_but_bays_are_not():
    mask = np.ones((5, 7), bool)
    mask[2, 2] = mask[0, 5] = mask[1, 5] = False
    filled = fill_holes(mask, 3)
    assert filled[2, 2]
    assert not filled[0, 5]
    assert not filled[1, 5]


def test_large_holes_are_between_nuclei():
    mask = np.ones((20, 20), bool)
    mask[2:6, 2] = mask[10:15, 10] = False
    mask[15, 11] = False  # touches the one above by a corner
    filled = fill_holes(mask, 4)
    assert filled[2:6, 2].all()
    np.testing.assert_array_equal(filled[10:16, 10:12], mask[10:16, 10:12])
    assert fill_holes(mask, 6).all()


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10_000), side=st.integers(1, 9), place=st.tuples(st.integers(0, 30), st.integers(0, 30)))
def test_a_window_with_a_margin_of_the_largest_hole_shows_the_same_holes(seed, side, place):
    mask = np.random.default_rng(seed).random((40, 40)) < 0.75
    top, left = place
    window = np.s_[max(top - side, 0) : top + 10 + side, max(left - side, 0) : left + 10 + side]
    inner = np.s_[top - window[0].start :, left - window[1].start :]
    found = fill_holes(mask[window], side)[inner][:10, :10]
    np.testing.assert_array_equal(found, fill_holes(mask, side)[top : top + 10, left : left + 10])


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000), sigma=st.sampled_from([0.0, 0.7, 1.0, 3.0]), left=st.integers(0, 60))
def test_a_window_shows_the_same_blur_bit_by_bit(seed, sigma, left):
    distance = np.random.default_rng(seed).integers(0, 256, (50, 90), np.uint8)
    radius = blur_radius(sigma)
    start, stop = max(left - radius, 0), left + 30 + radius
    found = smooth(distance[:, start:stop], sigma)[:, left - start :][:, :30]
    np.testing.assert_array_equal(found, smooth(distance, sigma)[:, left : left + 30])


def test_components_beyond_the_largest_are_cut(monkeypatch):
    monkeypatch.setattr(postprocess, "LARGEST_COMPONENT", 20)
    mask = np.zeros((50, 30), bool)
    mask[0:45, 3:6] = True  # longer than 20
    mask[15:35, 10:25] = True  # just 20
    cut = cut_giants(mask)
    np.testing.assert_array_equal(np.argwhere(cut != mask), [(y, x) for y in (20, 40) for x in (3, 4, 5)])


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), marker=st.sampled_from([0.4, 0.55, 0.7]))
def test_nuclei_are_whole_and_numbered_without_gaps(seed, marker):
    maps = smooth_maps(seed)
    labels = separate(maps, Thresholds(marker=marker, smoothing=1, min_area_um2=0), 0.25)
    np.testing.assert_array_equal(labels > 0, fill_holes(quantise(maps)[0] >= 128, 32))
    assert sorted(np.unique(labels[labels > 0])) == list(range(1, labels.max() + 1))
    for number in range(1, labels.max() + 1):
        assert ndimage.label(labels == number)[1] == 1


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    levels=st.sampled_from([4, 1000]),
    top=st.integers(0, 40),
    left=st.integers(0, 40),
)
def test_a_part_of_the_mask_is_separated_the_same_in_any_surroundings(seed, levels, top, left):
    maps = smooth_maps(seed, (50, 50))
    maps[1] = np.round(maps[1] * levels) / levels  # few levels: many ties
    maps[:, [0, -1]] = maps[:, :, [0, -1]] = 0
    canvas = np.zeros((2, 100, 100), np.float32)
    canvas[:, 92:98, 2:98] = 0.9  # other nuclei before and after
    canvas[:, top : top + 50, left : left + 50] = maps
    alone = separate(maps, PLAIN, 0.25)
    among = separate(canvas, PLAIN, 0.25)[top : top + 50, left : left + 50]
    pairs = np.unique(np.stack([alone.ravel(), among.ravel()]), axis=1)
    assert pairs.shape[1] == alone.max() + 1  # one partner each: the same partition


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_tiny_images(shape):
    assert separate(np.ones((2, *shape), np.float32), PLAIN, 0.25).max() == 1


@pytest.mark.parametrize("seed", range(20))
def test_leaving_the_inside_of_markers_out_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    distance = smooth(rng.integers(0, 256, (50, 70), np.uint8), 1.5)
    mask = distance > np.quantile(distance, 0.3)
    markers = ndimage.label(distance > np.quantile(distance, 0.6))[0].astype(np.int32)
    level = -distance.astype(np.float64)
    seeds = np.flatnonzero(markers)
    level.flat[seeds] = -(2.0**20) + seeds / level.size
    np.testing.assert_array_equal(grow(markers, distance, mask), watershed(level, markers, mask=mask))


@pytest.mark.parametrize("seed", range(20))
def test_only_where_markers_meet_there_is_something_to_grow(seed):
    rng = np.random.default_rng(seed)
    distance = smooth(rng.integers(0, 256, (60, 80), np.uint8), 2.0)
    mask = distance > np.quantile(distance, 0.55)
    count, markers = cv2.connectedComponents((distance > np.quantile(distance, 0.8)).astype(np.uint8), connectivity=4)
    components = ndimage.label(mask)[0]
    pairs = np.unique(np.stack([components, markers])[:, markers > 0], axis=1)
    held = np.bincount(pairs[0], minlength=components.max() + 1)[1:]
    assert {0, 1} <= set(held.tolist())
    assert held.max() > 1
    unseeded = np.isin(components, np.flatnonzero(held == 0) + 1)
    pieces = ndimage.label(unseeded)[0].astype(np.int32)
    seeds = markers + np.where(unseeded, pieces + count - 1, 0)
    np.testing.assert_array_equal(share_out(mask, markers, count, distance), grow(seeds, distance, mask))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), side=st.integers(1, 9), share=st.sampled_from([0.3, 0.5, 0.6]))
def test_holes_are_those_of_plain_components(seed, side, share):
    mask = np.random.default_rng(seed).random((24, 31)) < share
    pieces, _ = ndimage.label(~mask, np.ones((3, 3)))
    expected = mask.copy()
    for number, (rows, columns) in enumerate(ndimage.find_objects(pieces), 1):
        inside = rows.start > 0 and columns.start > 0 and rows.stop < mask.shape[0] and columns.stop < mask.shape[1]
        if inside and max(rows.stop - rows.start, columns.stop - columns.start) <= side:
            expected |= pieces == number
    np.testing.assert_array_equal(fill_holes(mask, side), expected)


@pytest.mark.parametrize("part", [np.s_[:], np.s_[:, 3:40, 5:33], np.s_[1:2, :, 1:2], np.s_[:0]])
def test_maps_are_rounded_and_cut_also_of_a_part(part):
    maps = np.random.default_rng(0).random((3, 50, 40), np.float32) * 1.4 - 0.2
    maps[:, :10, :10] = (np.arange(100).reshape(10, 10) + 0.5) / 255  # halves are rounded to even
    found = quantise(maps[part])
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.clip(np.rint(maps[part] * np.float32(255)), 0, 255))
