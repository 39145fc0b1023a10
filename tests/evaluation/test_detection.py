"""Scores of detection: by hand, and beside an independent implementation."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from nuseg.annotations.tables import Points
from nuseg.evaluation.detection import detect, detection_scores, drop_unknown, pair_points, points_of
from nuseg.evaluation.report import summarise


def points(*places: tuple[float, float], classes: str | None = None) -> Points:
    """Points with a letter each as their class; a blank is none."""
    xy = np.array(places, float).reshape(-1, 2)
    names = [None if letter == " " else letter for letter in classes or " " * len(xy)]
    return Points(xy, tuple(names))


def test_by_hand() -> None:
    true, pred = points((0, 0), (10, 0), (20, 0)), points((0, 3), (10, 3.01), (50, 0), (60, 0))
    scores = detection_scores(true, pred, radius=3)
    assert scores["detected"] == 1  # at the radius is within
    assert scores["detection_precision"] == 1 / 4
    assert scores["detection_recall"] == pytest.approx(1 / 3)
    assert scores["detection_f1"] == pytest.approx(2 / 7)
    assert (scores["true_count"], scores["pred_count"], scores["count_error"], scores["abs_count_error"]) == (
        3,
        4,
        1,
        1,
    )


@pytest.mark.parametrize(("true", "pred", "f1"), [((), (), 1), (((0, 0),), (), 0), ((), ((0, 0),), 0)])
def test_empty_images(true: tuple, pred: tuple, f1: float) -> None:
    scores = detection_scores(points(*true), points(*pred), 5)
    assert [scores[f"detection_{name}"] for name in ("f1", "precision", "recall")] == [f1] * 3


def test_a_point_serves_once() -> None:
    two, one = points((0, 0), (1, 0)), points((0, 0))
    assert detection_scores(two, one, 5)["detected"] == detection_scores(one, two, 5)["detected"] == 1


def test_as_many_pairs_as_possible() -> None:
    # The nearest first would pair the second true point with the first prediction, and leave the others alone.
    true, pred = points((0, 0), (4, 0)), points((3, 0), (8, 0))
    assert detection_scores(true, pred, radius=4)["detected"] == 2
    # A pairing by the smallest sum of distances over all points would be 1 + 5, one pair within the radius.
    true, pred = points((0, 0), (0, 3)), points((0, 4), (4, 0))
    assert detection_scores(true, pred, radius=4)["detected"] == 2


def test_of_equal_numbers_the_nearest() -> None:
    found = detect(np.array([[0.0, 0], [10, 0]]), np.array([[2.0, 0], [1, 0], [10, 1]]), radius=5)
    assert found.partner.tolist() == [1, 2]


def best_by_brute_force(true: np.ndarray, pred: np.ndarray, radius: float) -> tuple[int, float]:
    """Number of pairs and sum of distances, by a solver that knows the whole matrix."""
    far = np.hypot(*(true[:, None] - pred[None]).transpose(2, 0, 1))
    cost = np.where(far <= radius, far, 1e6)
    rows, columns = linear_sum_assignment(cost)
    within = far[rows, columns] <= radius
    return int(within.sum()), float(far[rows, columns][within].sum())


@given(seed=st.integers(0, 10**6), sizes=st.tuples(st.integers(0, 25), st.integers(0, 25)), radius=st.floats(0.5, 6))
@settings(max_examples=100, deadline=None)
def test_pairs_are_those_of_an_independent_solver(seed: int, sizes: tuple[int, int], radius: float) -> None:
    rng = np.random.default_rng(seed)
    true, pred = (rng.uniform(0, 20, (size, 2)) for size in sizes)
    left, right = pair_points(true, pred, radius)
    assert len(set(left.tolist())) == len(set(right.tolist())) == len(left)
    distances = np.hypot(*(true[left] - pred[right]).T)
    assert (distances <= radius).all()
    count, total = best_by_brute_force(true, pred, radius)
    assert len(left) == count
    assert distances.sum() == pytest.approx(total)


@given(seed=st.integers(0, 10**6), shift=st.floats(-50, 50), size=st.integers(0, 20))
@settings(max_examples=40, deadline=None)
def test_order_and_place_do_not_matter(seed: int, shift: float, size: int) -> None:
    rng = np.random.default_rng(seed)
    true, pred = rng.uniform(0, 20, (size, 2)), rng.uniform(0, 20, (12, 2))
    moved = detection_scores(points(*rng.permutation(true) + shift), points(*rng.permutation(pred) + shift), 3)
    assert moved == detection_scores(points(*true), points(*pred), 3)


def test_crowds_are_paired_fast_enough_to_be_used() -> None:
    rng = np.random.default_rng(0)
    true = rng.uniform(0, 2000, (5000, 2))
    scores = detection_scores(points(*true), points(*rng.permutation(true + rng.normal(0, 1, true.shape))), 6)
    assert scores["detection_f1"] > 0.98


def test_classes_by_hand() -> None:
    true = points((0, 0), (10, 0), (20, 0), (30, 0), classes="aab ")
    pred = points((0, 1), (10, 1), (21, 0), (50, 0), classes="abbb")
    scores = detection_scores(true, pred, 3)
    assert scores["detected"] == 3
    assert scores["detection_recall:a"] == 1  # found, whatever it was called
    assert scores["class_f1:a"] == pytest.approx(2 / 3)
    assert scores["class_f1:b"] == pytest.approx(2 / 4)
    assert (scores["true_count:b"], scores["pred_count:b"], scores["class_detected:b"]) == (1, 3, 1)


def test_without_classes_there_is_no_score_of_a_class() -> None:
    known, unknown = points((0, 0), (9, 0), classes="ab"), points((0, 0))
    empty = points()
    of_truth = drop_unknown(pd.DataFrame([detection_scores(known, each, 3) for each in (unknown, empty)]))
    assert not any(name.startswith(("class", "pred_count:")) for name in of_truth)
    assert of_truth["detection_recall:a"].to_list() == [1, 0]
    assert of_truth["pred_count"].to_list() == [1, 0]
    of_prediction = drop_unknown(pd.DataFrame([detection_scores(each, known, 3) for each in (unknown, empty)]))
    assert not any(":" in name for name in of_prediction)
    of_both = drop_unknown(pd.DataFrame([detection_scores(known, each, 3) for each in (known, unknown, empty)]))
    assert of_both["class_f1:b"].to_list() == [1, 0, 0]  # of a tool that tells classes, one that has none is wrong


def test_means_and_pooled_scores_of_classes() -> None:
    both = detection_scores(points((0, 0), (9, 0), classes="ab"), points((0, 0), (9, 0), classes="aa"), 3)
    only_a = detection_scores(points((0, 0), (9, 0), (19, 0), classes="aaa"), points((0, 0), classes="a"), 3)
    none = detection_scores(points(), points((5, 5), classes="b"), 3)
    summary = summarise([both, only_a, none])
    # Class a: 1 and 3 true, 2 and 1 predicted, 1 and 1 right; the third image has none of it.
    assert summary.loc["class_f1:a", "images"] == 2
    assert summary.loc["class_f1:a", "mean"] == pytest.approx((2 / 3 + 2 / 4) / 2)
    assert summary.loc["class_f1:a", "pooled"] == pytest.approx(4 / 7)
    assert summary.loc["detection_recall:a", "pooled"] == pytest.approx(2 / 4)
    assert summary.loc["class_f1:b", "pooled"] == 0
    assert summary.loc["pred_count:b", "pooled"] == 1
    assert summary.loc["detection_f1", "pooled"] == pytest.approx(2 * 3 / (5 + 4))
    assert summary.loc["true_count", "pooled"] == 5


def area(x: int) -> np.ndarray:
    """20x40 px, of which those to the right of x are ignored."""
    mask = np.zeros((20, 40), bool)
    mask[:, x:] = True
    return mask


def test_ignored_points_are_neither_right_nor_wrong() -> None:
    true = points((5, 5), (15, 5), (30, 5), (35, 15), classes="aabb")
    pred = points((5, 5), (10, 15), (30, 5), (25, 15), classes="aaab")
    scores = detection_scores(true, pred, 3, area(20))
    assert (scores["true_count"], scores["pred_count"], scores["detected"]) == (2, 2, 1)
    assert (scores["true_count:b"], scores["pred_count:b"]) == (0, 0)
    assert math.isnan(scores["class_f1:b"])
    assert scores["class_f1:a"] == 0.5


def test_pairs_across_the_edge_of_an_ignored_area() -> None:
    # A prediction beyond the edge is right where it finds a point that counts...
    assert detection_scores(points((19, 5)), points((21, 5)), 3, area(20))["detection_f1"] == 1
    # ...and one before the edge is not wrong where it finds a point that is left out.
    scores = detection_scores(points((21, 5)), points((19, 5), (18.5, 5)), 3, area(20))
    assert (scores["true_count"], scores["pred_count"]) == (0, 1)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_what_lies_far_within_an_ignored_area_is_irrelevant(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true, pred = (rng.uniform(0, (40, 20), (15, 2)) for _ in range(2))
    before = detection_scores(points(*true), points(*pred), 3, area(20))
    outer = [each[each[:, 0] < 26] for each in (true, pred)]  # farther in, no point reaches out
    others = [np.concatenate([each, rng.uniform((26, 0), (40, 20), (9, 2))]) for each in outer]
    assert detection_scores(points(*others[0]), points(*others[1]), 3, area(20)) == before


def test_points_at_the_edges_of_the_image() -> None:
    places = [(0.0, 0.0), (40.0, 20.0), (40.0, 0.0), (0.0, 20.0)]
    found = detect(np.array(places), np.zeros((0, 2)), 3, area(20))
    assert found.true_counts.tolist() == [True, False, False, True]


def test_points_of_label_images_are_centroids() -> None:
    labels = np.zeros((6, 8), np.int32)
    labels[1:3, 2:6] = 7
    labels[5, 0] = 3
    made = points_of(labels, ["x", "y"])
    assert made.xy.tolist() == [[0.5, 5.5], [4, 2]]
    assert made.classes == ("x", "y")
    assert points_of(labels).classes == (None, None)


def test_every_pairing_of_a_few_points_is_tried() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        true, pred = rng.uniform(0, 8, (4, 2)), rng.uniform(0, 8, (5, 2))
        counts = []
        for order in itertools.permutations(range(5), 4):
            counts.append(int((np.hypot(*(true - pred[list(order)]).T) <= 2).sum()))
        assert len(pair_points(true, pred, 2)[0]) == max(counts)
