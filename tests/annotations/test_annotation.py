"""What readers give: label images or polygons, with classes."""

import numpy as np
import pytest
import shapely

from nuseg.annotations.annotation import Annotation, stated_shape

STORED = np.array([[0, 7, 7], [3, 0, 9]], np.uint16)


def test_labels_stay_as_stored_until_they_are_numbered() -> None:
    annotation = Annotation(STORED, classes=("a", None, "b"), notes=("read",))
    assert annotation.shape == (2, 3)
    assert annotation.label_image((2, 3)) is STORED
    numbered = annotation.numbered((2, 3))
    assert numbered.labels is not None
    assert numbered.labels.dtype == np.int32
    assert numbered.labels.tolist() == [[0, 2, 2], [1, 0, 3]]
    assert numbered.classes == ("a", None, "b")
    assert numbered.notes == ("read", "labels have gaps: renumbered 1..N")


def test_numbers_without_gaps_need_no_note() -> None:
    assert Annotation(np.array([[2, 0, 1]])).numbered((1, 3)).notes == ()
    assert Annotation(np.zeros((1, 3), np.uint8)).numbered((1, 3)).notes == ()


def test_polygons_that_get_no_pixel_lose_their_class() -> None:
    polygons = (shapely.box(0, 0, 1, 1), shapely.box(50, 0, 51, 1), shapely.box(2, 0, 4, 1))
    annotation = Annotation(polygons=polygons, classes=("a", "outside", "c"))
    assert annotation.shape is None
    assert annotation.label_image((1, 5)).tolist() == [[1, 0, 3, 3, 0]]
    numbered = annotation.numbered((1, 5))
    assert numbered.labels is not None
    assert numbered.labels.tolist() == [[1, 0, 2, 2, 0]]
    assert numbered.classes == ("a", "c")
    assert numbered.notes == ("1 polygon outside of the image, hidden or too small for a pixel: left out",)


def test_contradictions_are_refused() -> None:
    with pytest.raises(ValueError, match="either labels or polygons"):
        Annotation()
    with pytest.raises(ValueError, match="2 classes for 0 polygons"):
        Annotation(polygons=(), classes=("a", "b"))
    with pytest.raises(ValueError, match="expected \\(h, w\\) integers"):
        Annotation(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="1 classes for 3 labels"):
        Annotation(STORED, classes=("a",)).numbered((2, 3))
    with pytest.raises(ValueError, match="expected \\(3, 2\\)"):
        Annotation(STORED).label_image((3, 2))


@pytest.mark.parametrize(
    ("height", "width", "shape"),
    [
        (48, 64, (48, 64)),
        ("48", "64", (48, 64)),
        (48.0, np.int64(64), (48, 64)),
        (-48, 64, None),
        (48, 0, None),
        (None, 64, None),
        ("", "64", None),
        ("tall", "64", None),
        (float("nan"), 64, None),
        (float("inf"), 64, None),
        (48, 2**40, None),
        ([48], 64, None),
    ],
)
def test_a_size_that_no_image_has_is_not_stated(height: object, width: object, shape: tuple[int, int] | None) -> None:
    assert stated_shape(height, width) == shape
