"""What is ignored is not scored: by hand, and by changing it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuseg.errors import NusegError
from nuseg.evaluation.ignoring import leave_out, mostly_in
from nuseg.evaluation.object import object_scores
from nuseg.evaluation.pixel import pixel_scores
from nuseg.evaluation.report import score_image, summarise


def grid(text: str) -> np.ndarray:
    """One row of labels, a digit each."""
    return np.array([[int(digit) for digit in text]])


def ignored(text: str) -> np.ndarray:
    return grid(text) > 0


@pytest.mark.parametrize(
    ("true", "pred", "ignore", "true_left", "pred_left"),
    [
        ("110022", "110022", "000000", "110022", "110022"),
        # Wholly within: left out, right or wrong.
        ("110000", "110022", "000011", "110000", "110000"),
        ("110022", "110000", "000011", "110000", "110000"),
        # More than half of a true nucleus: it is left out, and what was found on it is neither right nor wrong.
        ("111000", "111000", "110000", "000000", "000000"),
        ("111000", "000000", "110000", "000000", "000000"),
        # Half of it is not more than half: it counts, by the pixels that are known.
        ("110000", "110000", "100000", "010000", "010000"),
        ("110000", "000000", "100000", "010000", "000000"),
        # A prediction mostly within counts if it matches a nucleus that counts, and only then.
        ("001100", "111100", "110000", "001100", "001100"),
        ("001111", "111100", "111000", "000111", "000000"),
        ("000000", "011100", "011000", "000000", "000000"),
        ("000000", "011100", "010000", "000000", "001100"),
        # A prediction half on a nucleus that is left out: that half is not held against it.
        ("111000", "001100", "110000", "000000", "000100"),
    ],
)
def test_what_counts(true: str, pred: str, ignore: str, true_left: str, pred_left: str) -> None:
    left = leave_out(grid(true), grid(pred), ignored(ignore))
    assert [part.tolist() for part in left] == [grid(true_left).tolist(), grid(pred_left).tolist()]


def test_ignored_nuclei_are_neither_right_nor_wrong() -> None:
    # One nucleus is found, one missed, one too many, and in the ignored area one of each once more.
    true, pred = grid("1100220003300440"), grid("1100005503300066")
    scores = object_scores(true, pred, ignored("0000000001111111"))
    assert (scores["true_count"], scores["pred_count"], scores["matched"]) == (2, 2, 1)
    assert (scores["f1"], scores["count_error"]) == (0.5, 0)
    assert scores["aji"] == scores["aji_plus"] == pytest.approx(2 / 6)


def test_pixels_by_hand() -> None:
    scores = pixel_scores(grid("11110000"), grid("01111000"), ignored("11000000"))
    assert scores == pytest.approx({"dice": 4 / 5, "iou": 2 / 3, "accuracy": 5 / 6, "precision": 2 / 3, "recall": 1})


def test_mostly_in_is_more_than_half() -> None:
    assert mostly_in(grid("0112223330"), ignored("1101101111")).tolist() == [2, 3]
    assert mostly_in(grid("0000"), ignored("1111")).tolist() == []


def squares(rng: np.random.Generator, side: int, count: int) -> np.ndarray:
    labels = np.zeros((side, side), np.int32)
    for number in range(1, count + 1):
        y, x, height, width = *rng.integers(0, side - 3, 2), *rng.integers(2, 9, 2)
        labels[y : y + height, x : x + width] = number
    return labels


@given(seed=st.integers(0, 10**6), parts=st.sampled_from(["true", "pred", "both"]))
@settings(max_examples=60, deadline=None)
def test_what_lies_in_an_ignored_area_is_irrelevant(seed: int, parts: str) -> None:
    rng = np.random.default_rng(seed)
    true, pred = squares(rng, 40, 14), squares(rng, 40, 14)
    ignore = squares(rng, 40, 3) > 0
    before = score_image(true, pred, ignore=ignore)

    def redrawn(labels: np.ndarray) -> np.ndarray:
        """Other nuclei in place of those that lie within; those that reach out of it stay as they are."""
        free = ignore & ~np.isin(labels, labels[~ignore & (labels > 0)])
        return np.where(free, squares(rng, 40, 20) + 100, labels)

    other_true = redrawn(true) if parts != "pred" else true
    other_pred = redrawn(pred) if parts != "true" else pred
    assert score_image(other_true, other_pred, ignore=ignore) == before


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_pixel_scores_do_not_see_ignored_pixels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true, pred, noise = (rng.integers(0, 2, (9, 11)) for _ in range(3))
    ignore = rng.random((9, 11)) < 0.4
    before = pixel_scores(true, pred, ignore)
    assert pixel_scores(np.where(ignore, noise, true), np.where(ignore, 1 - noise, pred), ignore) == before
    kept = ~ignore
    assert before == pixel_scores(true[kept][None], pred[kept][None])


def test_nothing_ignored_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    true, pred = squares(rng, 30, 8), squares(rng, 30, 8)
    assert score_image(true, pred, ignore=np.zeros((30, 30), bool)) == score_image(true, pred)


def test_where_nothing_is_known_there_is_no_score() -> None:
    true, pred = grid("110000"), grid("011000")
    scores = score_image(true, pred, ignore=np.ones((1, 6), bool))
    assert list(scores) == list(score_image(true, pred))
    assert all(np.isnan(value) for value in scores.values())
    summary = summarise([scores, score_image(true, true)])
    assert (summary["images"] == 1).all()
    assert (summary.loc["aji", "mean"], summary.loc["pq", "pooled"]) == (1, 1)


@pytest.mark.parametrize(
    ("ignore", "says"),
    [(np.zeros((1, 5), bool), "shape of the labels"), (np.zeros((1, 6), int), "a mask of True and False")],
)
def test_masks_that_do_not_fit(ignore: np.ndarray, says: str) -> None:
    for score in (score_image, object_scores, pixel_scores):
        with pytest.raises(NusegError, match=says):
            score(grid("110000"), grid("110000"), ignore=ignore)
