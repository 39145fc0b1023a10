"""Scores per nucleus on tiny label images, counted by hand.

Rows of digits: 0 is background. The areas are in the comments where they are not plain to see.
"""

import numpy as np
import pytest

from nuseg.errors import NusegError
from nuseg.evaluation.contingency import find_overlaps
from nuseg.evaluation.object import object_scores


def grid(text: str) -> np.ndarray:
    return np.array([[int(digit) for digit in line] for line in text.split()], np.int32)


CASES = {
    # name: true, predicted, scores
    "perfect": ("1102", "1102", {"aji": 1, "aji_plus": 1, "pq": 1, "dq": 1, "sq": 1, "f1": 1, "count_error": 0}),
    "other numbers": ("1102", "7703", {"aji": 1, "aji_plus": 1, "pq": 1}),
    "both empty": (
        "000",
        "000",
        {"aji": 1, "aji_plus": 1, "pq": 1, "dq": 1, "sq": 1, "f1": 1, "object_precision": 1, "object_recall": 1},
    ),
    "true empty": ("000", "110", {"aji": 0, "aji_plus": 0, "pq": 0, "dq": 0, "sq": 0, "f1": 0, "count_error": 1}),
    "found nothing": ("110", "000", {"aji": 0, "aji_plus": 0, "pq": 0, "dq": 0, "sq": 0, "f1": 0, "count_error": -1}),
    "shifted by a quarter": (  # I 3, U 5
        "11110",
        "01111",
        {"aji": 3 / 5, "aji_plus": 3 / 5, "pq": 3 / 5, "dq": 1, "sq": 3 / 5},
    ),
    "shifted too far": (  # I 2, U 6: IoU 1/3 is no match
        "111100",
        "001111",
        {"aji": 2 / 6, "aji_plus": 2 / 6, "pq": 0, "dq": 0, "sq": 0},
    ),
    "IoU of exactly a half is no match": ("1111", "1100", {"aji": 1 / 2, "pq": 0, "f1": 0}),
    "just above a half": (  # I 3, U 5
        "11111",
        "11100",
        {"aji": 3 / 5, "pq": 3 / 5, "f1": 1},
    ),
    "apart": ("1100", "0011", {"aji": 0, "aji_plus": 0, "pq": 0}),
    "split in two, unequal": (  # the 4 of 6 match; the other 2 add to the union
        "111111",
        "111122",
        {"aji": 4 / 8, "aji_plus": 4 / 8, "dq": 2 / 3, "sq": 4 / 6, "pq": 4 / 9, "count_error": 1},
    ),
    "two merged": (  # AJI: the one prediction serves both (I 2+2, U 4+4); AJI+: one stays without (I 2, U 4+2)
        "1122",
        "1111",
        {"aji": 4 / 8, "aji_plus": 2 / 6, "pq": 0, "count_error": -1, "abs_count_error": 1},
    ),
    "merged, one dominates": (  # IoU 5/7 matches; AJI: I 5+2, U 7+7; AJI+: I 5, U 7+2
        "1111122",
        "1111111",
        {"aji": 7 / 14, "aji_plus": 5 / 9, "dq": 2 / 3, "sq": 5 / 7, "object_precision": 1, "object_recall": 1 / 2},
    ),
    "one serves two, and another goes free": (
        # Prediction 1 is the best for both true nuclei (2/4, 2/5), prediction 2 touches true 2 only (1/3).
        # AJI: I 2+2, U 4+5, plus the unused 1. AJI+: pairs 1-1 and 2-2: I 2+1, U 4+3.
        "11222",
        "11112",
        {"aji": 4 / 10, "aji_plus": 3 / 7},
    ),
    "missed and invented": (  # one of 2 px right, one of 2 px missed, one of 3 px invented
        "110220000",
        "110000333",
        {"aji": 2 / 7, "aji_plus": 2 / 7, "pq": 1 / 2, "dq": 1 / 2, "sq": 1, "count_error": 0, "matched": 1},
    ),
    "whole image one nucleus": ("11 11", "11 11", {"aji": 1, "pq": 1, "true_count": 1}),
    "two dimensions": (  # true 4 and 2 px; predicted 6 px (I 4, U 6) and 1 px (I 1, U 2)
        "1100 1100 0022",
        "1110 1110 0003",
        {"aji": 5 / 8, "aji_plus": 5 / 8, "dq": 1 / 2, "sq": 4 / 6, "pq": 2 / 6},
    ),
    "background inside counts as background": (
        "111 111 111",
        "111 101 111",
        {"aji": 8 / 9, "pq": 8 / 9},
    ),
    "best sum passes over the best pair": (
        # IoU: 1-1 4/9, 1-2 3/7, 2-1 2/6. AJI: I 4+2, U 9+6, plus the unused 3. AJI+: 1-2 and 2-1, I 3+2, U 7+6.
        "111111122",
        "111122211",
        {"aji": 6 / 18, "aji_plus": 5 / 13},
    ),
    "of equals the first takes it": (  # both halves have IoU 2/4; the other one adds its 2 px
        "1111",
        "2211",
        {"aji": 2 / 6, "aji_plus": 2 / 6, "dq": 0},
    ),
}


@pytest.mark.parametrize(("true", "pred", "expected"), CASES.values(), ids=CASES)
def test_by_hand(true: str, pred: str, expected: dict[str, float]) -> None:
    scores = object_scores(grid(true), grid(pred))
    assert {key: scores[key] for key in expected} == pytest.approx(expected)


def test_f1_is_dq_and_pq_is_their_product() -> None:
    scores = object_scores(grid("1111122233"), grid("1111022040"))
    assert scores["f1"] == scores["dq"] == pytest.approx(2 * 2 / (3 + 3))
    assert scores["pq"] == scores["dq"] * scores["sq"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.uint32, np.int64, np.uint64, ">u2"])
def test_any_integer_dtype(dtype: str) -> None:
    true, pred = grid("11022").astype(dtype), grid("11002").astype(np.int32)
    assert object_scores(true, pred)["aji"] == pytest.approx(3 / 4)


def test_huge_numbers_need_no_huge_tables() -> None:
    true = np.array([[0, 2**63, 2**63, 2**64 - 1]], np.uint64)
    assert object_scores(true, (true > 0) * 2_000_000_000)["true_count"] == 2


def test_memory_order_does_not_matter() -> None:
    true, pred = grid("1100 1100 0022"), grid("1110 1110 0003")
    assert object_scores(np.asfortranarray(true), pred[:, ::1]) == object_scores(true, pred)


def test_contingency_table() -> None:
    overlaps = find_overlaps(grid("55550 00900"), grid("88330 00300"))
    assert overlaps.true_areas.tolist() == [4, 1]
    assert overlaps.pred_areas.tolist() == [2, 3]
    table = zip(overlaps.true_index, overlaps.pred_index, overlaps.intersection, overlaps.union, strict=True)
    assert [tuple(map(int, row)) for row in table] == [(0, 0, 2, 4), (0, 1, 2, 5), (1, 1, 1, 3)]


@pytest.mark.parametrize("shape", [(0, 0), (0, 4), (1, 1)])
def test_sizes_without_much(shape: tuple[int, int]) -> None:
    assert object_scores(np.zeros(shape, int), np.zeros(shape, int))["aji"] == 1


@pytest.mark.parametrize(
    ("true", "pred", "message"),
    [
        (np.zeros((2, 3), int), np.zeros((3, 2), int), "truth is 3x2 but prediction is 2x3"),
        (np.zeros((2, 3, 1), int), np.zeros((2, 3), int), "true labels: expected an array"),
        (np.zeros((2, 3), int), np.zeros((2, 3)), "predicted labels: expected whole numbers .* found float64"),
        (np.zeros((2, 3), bool), np.zeros((2, 3), int), "found bool; number the nuclei of a mask"),
        (np.zeros((2, 3), int), np.full((2, 3), -1), "predicted labels: expected numbers from 0, found -1"),
    ],
    ids=["size", "dimensions", "float", "mask", "negative"],
)
def test_what_is_no_label_image_is_refused(true: np.ndarray, pred: np.ndarray, message: str) -> None:
    with pytest.raises(NusegError, match=message):
        object_scores(true, pred)
