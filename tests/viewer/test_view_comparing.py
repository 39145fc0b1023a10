"""Which nuclei match, are missed, false, split and merged."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from nuseg.evaluation.contingency import find_overlaps as in_pixels
from nuseg.viewer import comparing
from nuseg.viewer.comparing import FALSE, KINDS, MATCHED, MERGED, MISSED, SPLIT, compared, kinds
from nuseg.viewer.nuclei import Nuclei, Outlines
from nuseg.viewer.security import Refused

box = shapely.box


def squares(*given: tuple[float, float, float, float]) -> np.ndarray:
    return np.array([box(*one) for one in given], object)


def test_every_kind_is_told() -> None:
    true = squares((0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 60, 10), (80, 0, 89, 10), (91, 0, 100, 10))
    found = squares((1, 0, 10, 10), (200, 0, 210, 10), (40, 0, 49, 10), (51, 0, 60, 10), (80, 0, 100, 10))
    of_true, of_found = kinds(true, found)
    assert of_true.tolist() == [MATCHED, MISSED, SPLIT, MERGED, MERGED]
    assert of_found.tolist() == [MATCHED, FALSE, SPLIT, SPLIT, MERGED]


def test_a_match_needs_more_than_half() -> None:
    true = squares((0, 0, 10, 10))
    assert kinds(true, squares((0, 0, 10, 5)))[0].tolist() == [MISSED]
    assert kinds(true, squares((0, 0, 10, 5.1)))[0].tolist() == [MATCHED]


def test_a_part_beside_a_match_is_false_not_split() -> None:
    of_true, of_found = kinds(squares((0, 0, 10, 10)), squares((0, 0, 8, 10), (8, 0, 10, 10)))
    assert (of_true.tolist(), of_found.tolist()) == ([MATCHED], [MATCHED, FALSE])


def test_nothing_can_be_compared_with_nothing() -> None:
    nothing, one = squares(), squares((0, 0, 1, 1))
    assert [side.tolist() for side in kinds(nothing, nothing)] == [[], []]
    assert [side.tolist() for side in kinds(one, nothing)] == [[MISSED], []]
    assert [side.tolist() for side in kinds(nothing, one)] == [[], [FALSE]]


@given(st.integers(0, 2**32 - 1))
def test_matches_are_those_of_the_metrics(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = [np.zeros((24, 24), int), np.zeros((24, 24), int)]
    drawn: list[list[shapely.Geometry]] = [[], []]
    for row in range(0, 24, 8):
        for column in range(0, 24, 8):
            for side in range(2):
                x0, y0, width, height = column + rng.integers(3), row + rng.integers(3), *rng.integers(2, 6, 2)
                labels[side][y0 : y0 + height, x0 : x0 + width] = len(drawn[side]) + 1
                drawn[side].append(box(x0, y0, x0 + width, y0 + height))
    of_true, of_found = kinds(np.array(drawn[0], object), np.array(drawn[1], object))
    expected = in_pixels(*labels).matches.sum()
    assert (of_true == MATCHED).sum() == (of_found == MATCHED).sum() == expected


def layer(*given: tuple[float, float, float, float]) -> Nuclei:
    shapes = squares(*given)
    middles = shapely.get_coordinates(shapely.centroid(shapes)).astype(np.float32)
    return Nuclei(
        "a",
        np.arange(len(shapes)),
        {"x": middles[:, 0], "y": middles[:, 1]},
        np.full(len(shapes), -1, np.int32),
        lambda part: Outlines.of_geometries(shapes),
        np.array([0, len(shapes)]),
    )


def test_layers_are_compared_also_in_a_part() -> None:
    a, b = layer((0, 0, 10, 10), (100, 0, 110, 10)), layer((0, 0, 10, 10), (50, 0, 60, 10))
    whole = compared(a, b, None)
    assert (whole["a"], whole["b"]) == ([MATCHED, MISSED], [MATCHED, FALSE])
    assert whole["counts"] == {"matched": 1, "missed": 1, "false": 1, "split": 0, "merged": 0}
    assert whole["kinds"] == KINDS
    part = compared(a, b, (0, 0, 40, 40))
    assert (part["a"], part["b"]) == ([MATCHED, -1], [MATCHED, -1])
    assert sum(part["counts"].values()) == 1


def test_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MOST", 1)
    a = layer((0, 0, 10, 10), (100, 0, 110, 10))
    with pytest.raises(Refused, match="zoom in"):
        compared(a, a, None)
    assert compared(a, a, (0, 0, 40, 40))["counts"]["matched"] == 1


def test_a_nucleus_without_an_outline_is_missed_or_false() -> None:
    a = layer((0, 0, 10, 10))
    bare = Nuclei("a", a.numbers, a.columns, a.class_index, lambda part: Outlines.of_rings([np.zeros((0, 2))]), a.parts)
    assert compared(a, bare, None)["counts"] == {"matched": 0, "missed": 1, "false": 1, "split": 0, "merged": 0}
