"""Targets of hand-made label images."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nuseg.model.heads.offsets import make_offsets
from nuseg.model.registry import find_heads
from nuseg.training.targets import find_touching, make_targets, perfect_maps


def test_a_square_rises_to_one_in_the_middle():
    labels = np.zeros((7, 7), np.int32)
    labels[1:6, 1:6] = 3
    mask, distance = perfect_maps(labels)
    np.testing.assert_array_equal(mask, labels > 0)
    assert distance[3, 3] == 1
    assert (distance[labels == 0] == 0).all()
    np.testing.assert_allclose(distance[3, 1:6], [0.2, 0.6, 1, 0.6, 0.2], atol=0.01)


def test_distance_falls_between_touching_nuclei():
    labels = np.zeros((7, 14), np.int32)
    labels[1:6, 1:7], labels[1:6, 7:13] = 1, 2
    distance = perfect_maps(labels)[1]
    assert distance[3, 6] < 0.3
    assert distance[3, 7] < 0.3
    assert distance[3, 3:5].max() == 1


def test_small_and_large_nuclei_both_reach_one():
    labels = np.zeros((40, 40), np.int32)
    labels[2:5, 2:5], labels[10:35, 10:35] = 1, 2
    distance = perfect_maps(labels)[1]
    assert distance[labels == 1].max() == 1
    assert distance[labels == 2].max() == 1


def test_no_nuclei_and_nothing_but_one():
    assert not perfect_maps(np.zeros((4, 5), np.int32)).any()
    assert (perfect_maps(np.ones((4, 5), np.int32)) == 1).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000))
def test_range_and_order_of_labels(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, (8, 9)).repeat(3, 0).repeat(3, 1).astype(np.int32)
    targets = perfect_maps(labels)
    assert targets.dtype == np.float32
    assert targets.min() >= 0
    assert targets.max() <= 1
    renamed = np.array([0, 3, 1, 2], np.int32)[labels]
    np.testing.assert_allclose(perfect_maps(renamed), targets, atol=1e-6)


def test_only_pixels_near_two_nuclei_touch():
    labels = np.zeros((9, 20), np.int32)
    labels[2:7, 1:6], labels[2:7, 6:11], labels[2:7, 17:] = 4, 9, 2
    touching = find_touching(labels)
    np.testing.assert_array_equal(np.flatnonzero(touching[0, 4]), [4, 5, 6, 7])
    assert touching[..., 9:].sum() == 0
    assert not find_touching(np.zeros((5, 5), np.int32)).any()
    assert not find_touching(np.ones((5, 5), np.int32)).any()


def test_offsets_run_from_end_to_end_of_each_nucleus():
    labels = np.zeros((7, 14), np.int32)
    labels[1:6, 1:6], labels[1:6, 6:13] = 4, 2
    right, down = make_offsets(labels)
    np.testing.assert_allclose(right[3, 1:6], [-1, -0.5, 0, 0.5, 1])
    np.testing.assert_allclose(right[3, 6:13], np.linspace(-1, 1, 7), atol=1e-6)
    np.testing.assert_allclose(down[:, 8], [0, -1, -0.5, 0, 0.5, 1, 0])
    assert not right[labels == 0].any()


def test_offsets_of_a_lopsided_nucleus_reach_one_on_both_sides():
    labels = np.zeros((9, 20), np.int32)
    labels[1:8, 2:5], labels[4, 5:18] = 1, 1
    right = make_offsets(labels)[0]
    assert right.min() == -1
    assert right.max() == 1
    assert (np.diff(right[4, 2:18]) > 0).all()


def test_no_offsets_without_nuclei_or_in_a_single_pixel():
    assert not make_offsets(np.zeros((4, 5), np.int32)).any()
    dot = np.zeros((4, 5), np.int32)
    dot[2, 3] = 9
    assert not make_offsets(dot).any()


def test_every_head_has_its_target_by_name():
    labels = np.zeros((7, 14), np.int32)
    labels[1:6, 1:7], labels[1:6, 7:13] = 1, 2
    targets = make_targets(labels, find_heads(("mask", "distance", "offsets")))
    assert {name: target.shape for name, target in targets.items()} == {
        "mask": (1, 7, 14),
        "distance": (1, 7, 14),
        "offsets": (2, 7, 14),
    }
    assert all(target.dtype == np.float32 for target in targets.values())
    np.testing.assert_array_equal(np.concatenate([targets["mask"], targets["distance"]]), perfect_maps(labels))
    np.testing.assert_array_equal(targets["offsets"], make_offsets(labels))
