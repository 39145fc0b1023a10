"""Areas along pixel edges: they are the pixels, whatever holes and pieces there are; and rings with cuts."""

import numpy as np
import pytest
import shapely
from drawings import label_images, polygon_annotations
from hypothesis import given, settings

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.polygons import area, draw, ellipse, parity, rectangle, single_ring
from nuseg.annotations.tracing import pixel_areas


@settings(deadline=None, max_examples=100)
@given(labels=label_images())
def test_areas_are_the_pixels(labels: np.ndarray) -> None:
    areas = pixel_areas(labels)
    y, x = np.indices(labels.shape) + 0.5
    assert len(areas) == labels.max(initial=0)
    for number, nucleus in enumerate(areas, start=1):
        inside = labels == number
        assert nucleus.is_valid
        assert nucleus.area == inside.sum()
        assert (nucleus.centroid.x, nucleus.centroid.y) == pytest.approx((x[inside].mean(), y[inside].mean()))
    assert np.array_equal(draw(areas, labels.shape), labels)


@settings(deadline=None, max_examples=100)
@given(labels=label_images())
def test_one_ring_holds_pieces_and_holes(labels: np.ndarray) -> None:
    for nucleus in pixel_areas(labels):
        again = area([single_ring(nucleus)])
        assert shapely.symmetric_difference(again, nucleus).area < 1e-9


@settings(deadline=None, max_examples=50)
@given(annotation=polygon_annotations())
def test_one_ring_of_curved_holes(annotation: Annotation) -> None:
    for nucleus in annotation.areas:
        again = area([single_ring(nucleus)])
        assert shapely.symmetric_difference(again, nucleus).area < 1e-6


def test_parity_does_not_mind_the_order() -> None:
    rings = [np.array(shapely.box(k, k, 10 - k, 10 - k).exterior.coords)[:-1] for k in (0, 2, 4)]
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        assert parity([rings[k] for k in order]).area == 100 - 36 + 4


def test_turned_shapes_are_turned_clockwise_on_the_screen() -> None:
    turned = ellipse(0, 0, 10, 1, degrees=45)
    assert turned.covers(shapely.Point(5, 5))
    assert not turned.intersects(shapely.Point(5, -5))
    assert rectangle(-4, -1, 4, 1, degrees=90).bounds == pytest.approx((-1, -4, 1, 4))


@pytest.mark.parametrize("radius", [0, -1, float("nan"), float("inf")])
def test_ellipses_that_are_none(radius: float) -> None:
    with pytest.raises(ValueError, match="ellipse"):
        ellipse(0, 0, radius, 1)
