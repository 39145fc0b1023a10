"""Areas that are not known: of classes that mean so, and what becomes of nuclei there."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.labels import renumber
from nuseg.datasets.unknown import set_aside, unknown_area

BOXES = (shapely.box(0, 0, 4, 4), shapely.box(10, 0, 20, 6), shapely.box(2, 2, 3, 3))
SHAPE = (8, 24)


def test_polygons_of_a_class_are_set_aside() -> None:
    given = Annotation(
        polygons=BOXES, classes=("tumour", "unclear", None), ids=("a", "b", "c"), vocabulary=("unclear", "tumour")
    )
    found = set_aside(given, {"unclear"}, 0.5)
    assert found.polygons == (BOXES[0], BOXES[2])
    assert found.vague == (BOXES[1],)
    assert (found.classes, found.ids, found.vocabulary) == (("tumour", None), ("a", "c"), ("tumour",))


def test_labels_of_a_class_are_set_aside() -> None:
    labels = np.zeros(SHAPE, np.uint16)
    labels[:4, :4], labels[:6, 10:20], labels[7, 7] = 5, 9, 30
    given = Annotation(labels, classes=("tumour", "unclear", "unclear"), ids=("a", "b", "c"))
    found = set_aside(given, {"unclear"}, 0.5)
    assert (found.classes, found.ids) == (("tumour",), ("a",))
    np.testing.assert_array_equal(found.labels, np.where(labels == 5, 5, 0))
    unknown, _ = unknown_area(found.numbered(SHAPE), SHAPE)
    np.testing.assert_array_equal(unknown, labels > 5)


def test_points_of_a_class_become_discs_of_a_nucleus() -> None:
    given = Annotation(points=np.array([[10.0, 4.0], [3.0, 3.0]]), classes=("unclear", "tumour"))
    found = set_aside(given, {"unclear"}, 2.0)
    assert found.classes == ("tumour",)
    unknown, covered = unknown_area(found, SHAPE)
    assert covered == 0
    y, x = np.nonzero(unknown)
    assert np.hypot(x + 0.5 - 10, y + 0.5 - 4).max() <= 3  # 6 um at 2 um/px
    assert unknown.sum() == pytest.approx(np.pi * 9, rel=0.2)


def test_without_such_a_class_nothing_changes() -> None:
    given = Annotation(polygons=BOXES, classes=("a", "b", None))
    assert set_aside(given, {"unclear"}, 0.5).polygons is given.polygons
    assert set_aside(Annotation(polygons=BOXES), {"unclear"}, 0.5).vague == ()


def test_what_is_annotated_is_known() -> None:
    """An unknown area covers the first nucleus wholly, the second by a corner; both stay, and the first is counted."""
    labels = np.zeros(SHAPE, np.int32)
    labels[:4, :4], labels[:6, 10:20] = 1, 2
    unknown, covered = unknown_area(Annotation(labels, vague=(shapely.box(0, 0, 12, 8),)), SHAPE)
    assert covered == 1
    assert not unknown[labels > 0].any()
    assert unknown[labels == 0][:].sum() == 12 * 8 - 16 - 12


@given(
    labels=arrays(np.int32, (6, 7), elements=st.integers(0, 3)).map(renumber),
    further=arrays(bool, (6, 7)),
    box=st.tuples(st.integers(0, 6), st.integers(0, 5)),
)
def test_unknown_and_nuclei_never_meet(labels: np.ndarray, further: np.ndarray, box: tuple[int, int]) -> None:
    area = shapely.box(0, 0, *box)
    vague = () if area.is_empty or not area.area else (area,)
    unknown, covered = unknown_area(Annotation(labels, vague=vague), (6, 7), further)
    everywhere = further.copy()
    if vague:
        everywhere[: box[1], : box[0]] = True
    np.testing.assert_array_equal(unknown, everywhere & (labels == 0))
    shares = [everywhere[labels == number].mean() for number in range(1, labels.max() + 1)]
    assert covered == sum(share > 0.5 for share in shares)
