"""Kinds of errors: drawn cases, and sums that agree with F1 on whatever is compared."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nuseg.annotations.tables import Points
from nuseg.evaluation.comparison import Compared, ComparedPoints, Found
from nuseg.evaluation.contingency import find_overlaps
from nuseg.evaluation.details import IOUS, match_outlines
from nuseg.evaluation.detection import detect
from nuseg.evaluation.errors import KINDS, find_failures, point_failures, tally
from nuseg.evaluation.object import object_scores
from nuseg.evaluation.views import errors_by_kind, f1_by_iou, recall_by_size

few = settings(max_examples=60, deadline=None)
label_images = arrays(np.int32, (4, 6), elements=st.integers(0, 3))


def boxes(*corners: tuple[int, int, int, int]) -> np.ndarray:
    labels = np.zeros((30, 40), np.int32)
    for number, (top, left, bottom, right) in enumerate(corners, 1):
        labels[top:bottom, left:right] = number
    return labels


NOTHING = boxes()
LEFT, RIGHT, BOTH = (2, 2, 12, 12), (2, 12, 12, 22), (2, 2, 12, 22)


@pytest.mark.parametrize(
    ("true", "pred", "expected"),
    [
        ([LEFT], [LEFT], {}),
        ([LEFT], [], {"missed": (1, 1, 0)}),
        ([], [LEFT], {"false": (1, 0, 1)}),
        ([LEFT, RIGHT], [BOTH], {"merged": (1, 2, 1)}),
        ([LEFT, (2, 12, 12, 15)], [(2, 2, 12, 15)], {"merged": (1, 1, 0)}),  # the larger one is matched all the same
        ([BOTH], [LEFT, RIGHT], {"split": (1, 1, 2)}),
        ([(2, 2, 12, 15)], [LEFT, (2, 12, 12, 15)], {"split": (1, 0, 1)}),
        ([LEFT], [(2, 7, 12, 17)], {"outline": (1, 1, 1)}),  # IoU 1/3
        ([LEFT], [(2, 11, 12, 21)], {"missed": (1, 1, 0), "false": (1, 0, 1)}),  # IoU 1/19
        ([LEFT], [(2, 2, 12, 7)], {"outline": (1, 1, 1)}),  # IoU 0.5 is no match
        ([LEFT, RIGHT, (20, 30, 28, 38)], [BOTH, (20, 5, 28, 13)], {"merged": (1, 2, 1), "missed": (1, 1, 0),
                                                                   "false": (1, 0, 1)}),
    ],
)  # fmt: skip
def test_drawn_errors(
    true: list[tuple[int, int, int, int]],
    pred: list[tuple[int, int, int, int]],
    expected: dict[str, tuple[int, int, int]],
) -> None:
    found = tally(find_failures(find_overlaps(boxes(*true), boxes(*pred))))
    assert found == {kind: expected.get(kind, (0, 0, 0)) for kind in KINDS}


@few
@given(label_images, label_images)
def test_errors_are_all_nuclei_without_a_match(true: np.ndarray, pred: np.ndarray) -> None:
    found, scores = tally(find_failures(find_overlaps(true, pred))), object_scores(true, pred)
    assert sum(each[1] for each in found.values()) == scores["true_count"] - scores["matched"]
    assert sum(each[2] for each in found.values()) == scores["pred_count"] - scores["matched"]


@few
@given(label_images, label_images)
def test_swapping_truth_and_prediction_swaps_the_kinds(true: np.ndarray, pred: np.ndarray) -> None:
    """A merge is a split seen from the other side, a nucleus that is missed a false one."""
    there, back = (tally(find_failures(find_overlaps(*pair))) for pair in ((true, pred), (pred, true)))
    assert there["merged"][0] == back["split"][0]
    assert there["split"][0] == back["merged"][0]
    both = sum(there[kind][0] for kind in ("missed", "false", "outline"))
    assert both == sum(back[kind][0] for kind in ("missed", "false", "outline"))


@few
@given(label_images)
def test_the_truth_itself_has_no_errors(labels: np.ndarray) -> None:
    assert not find_failures(find_overlaps(labels, labels * 7))


@few
@given(label_images, label_images)
def test_f1_at_every_iou(true: np.ndarray, pred: np.ndarray) -> None:
    overlaps = find_overlaps(true, pred)
    matched = match_outlines(overlaps, None)
    pairs = [(true == t, pred == p) for t in np.unique(true[true > 0]) for p in np.unique(pred[pred > 0])]
    for iou, number in zip(IOUS, matched.at, strict=True):
        limit = round(100 * iou)
        assert number == sum(100 * (a & b).sum() > limit * (a | b).sum() for a, b in pairs)
    curve = f1_by_iou({"a": matched})
    assert curve["mean"][0] == pytest.approx(object_scores(true, pred)["f1"]) == pytest.approx(curve["pooled"][0])
    assert (np.diff(curve["mean"]) <= 0).all()


def test_points_that_are_missed_or_false() -> None:
    true, pred = np.array([[5.0, 5], [20, 20], [30, 5]]), np.array([[6.0, 5], [35, 25]])
    found = detect(true, pred, radius=3)
    assert tally(point_failures(found)) == {**dict.fromkeys(KINDS, (0, 0, 0)), "missed": (2, 2, 0), "false": (1, 0, 1)}
    ignore = np.zeros((30, 40), bool)
    ignore[15:] = True  # with the second true point and the second predicted one
    kinds = tally(point_failures(detect(true, pred, 3, ignore)))
    assert (kinds["missed"], kinds["false"]) == ((1, 1, 0), (0, 0, 0))


def test_ignored_nuclei_are_no_errors() -> None:
    ignore = np.zeros((30, 40), bool)
    ignore[:, 25:] = True
    compared = Compared(boxes(LEFT, (2, 30, 12, 38)), boxes((15, 30, 25, 38)), ignore=ignore)
    details = compared.details()
    assert details is not None
    assert tally(details.failures)["missed"] == (1, 1, 0)
    assert tally(details.failures)["false"] == (0, 0, 0)


def test_an_error_is_drawn_where_it_is() -> None:
    pixels = np.full((300, 400, 3), 200, np.uint8)
    true = np.zeros((300, 400), np.int32)
    true[250:262, 300:312] = 70_000
    compared = Compared(true, np.zeros_like(true), pixels)
    details = compared.details()
    assert details is not None
    drawn = compared.picture_of(details.failures[0])
    assert drawn is not None
    green = (drawn == (0, 255, 0)).all(axis=2)
    rows, columns = np.flatnonzero(green.any(axis=1)), np.flatnonzero(green.any(axis=0))
    assert rows.size
    middle = (rows[0] + rows[-1]) / 2, (columns[0] + columns[-1]) / 2
    assert middle == pytest.approx((drawn.shape[0] / 2, drawn.shape[1] / 2), abs=6)
    assert Compared(true, np.zeros_like(true)).picture_of(details.failures[0]) is None


def test_points_are_drawn_too() -> None:
    pixels = np.full((300, 400, 3), 200, np.uint8)
    truth = Points(np.array([[200.0, 100.0]]), (None,))
    compared = ComparedPoints(truth, Found(Points(np.zeros((0, 2)), ())), 5, pixels)
    details = compared.details()
    assert details is not None
    drawn = compared.picture_of(details.failures[0])
    assert drawn is not None
    assert (drawn == (0, 255, 0)).all(axis=2).any()


def test_probabilities_belong_to_their_nuclei() -> None:
    """Numbers in the label image are neither in the order of the first pixels nor without gaps."""
    pred = boxes(RIGHT, (20, 30, 28, 38), LEFT) * 5
    compared = Compared(boxes(LEFT), pred, probability=np.array([0.1, 0.2, 0.9]))
    details = compared.details()
    assert details is not None
    assert details.stated is not None
    assert sorted(zip(details.stated.probability, details.stated.true, strict=True)) == [
        (0.1, False), (0.2, False), (0.9, True)]  # fmt: skip


def test_errors_of_all_images() -> None:
    tallies = {name: tally(find_failures(find_overlaps(boxes(LEFT, RIGHT), pred))) for name, pred in
               {"a": NOTHING, "b": boxes(LEFT), "c": boxes(BOTH)}.items()}  # fmt: skip
    table = errors_by_kind(tallies).set_index("kind")
    assert table.loc["missed"].to_dict() == {"errors": 3, "true": 3, "predicted": 0, "images": 2, "most": "a"}
    assert table.loc["merged"].to_dict() == {"errors": 1, "true": 2, "predicted": 1, "images": 1, "most": "c"}
    assert table.loc["split", "most"] == ""


def test_recall_by_size_by_hand() -> None:
    """Forty small nuclei of which half are found, and forty large ones that all are."""
    small = [boxes((2, 2, 5, 5))] * 40
    large = [boxes((2, 2, 20, 20))] * 40
    matched = {}
    for number, true in enumerate([*small, *large]):
        pred = NOTHING if number < 20 else true
        matched[str(number)] = match_outlines(find_overlaps(true, pred), 0.5)
    table = recall_by_size(matched)
    assert table["nuclei"].sum() == 80
    assert table["recall"].to_list() == [0.5, 1.0]
    assert table["low"].iloc[0] == pytest.approx(2 * np.sqrt(9 / np.pi) * 0.5)
    assert table["high"].iloc[-1] == pytest.approx(2 * np.sqrt(324 / np.pi) * 0.5)
    assert 0.3 < table["recall_low"].iloc[0] < 0.5 < table["recall_high"].iloc[0] < 0.7
    assert recall_by_size({}).empty
