"""A number in a picture that means: not known."""

from pathlib import Path

import numpy as np
import pytest
import shapely
import tifffile

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.polygons import draw
from nuseg.annotations.registry import annotation_formats
from nuseg.errors import NusegError
from nuseg.io.image import write_png

SHAPE = (40, 50)


def nuclei() -> np.ndarray:
    """Three squares, 1 to 3."""
    labels = np.zeros(SHAPE, np.int32)
    for number, (y, x) in enumerate([(4, 4), (4, 20), (20, 6)], start=1):
        labels[y : y + 8, x : x + 8] = number
    return labels


def unknown() -> np.ndarray:
    """Four pieces, one with a hole, one that touches a nucleus."""
    area = np.zeros(SHAPE, bool)
    area[30:38, 30:44] = True
    area[33:35, 35:37] = False
    area[0:2, 40:] = area[15, 10:12] = area[12:14, 4:7] = True
    return area


def drawn(annotation: Annotation) -> np.ndarray:
    return draw(annotation.vague, SHAPE) > 0


@pytest.mark.parametrize(("number", "dtype"), [(255, np.uint8), (-1, np.int16), (65535, np.uint16), (9, np.float32)])
def test_label_images(number: int, dtype: type, tmp_path: Path) -> None:
    stored = np.where(unknown(), number, nuclei()).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored)
    found = annotation_formats["labels"].load_without(tmp_path / "a.tif", "a", SHAPE, number)
    np.testing.assert_array_equal(found.numbered(SHAPE).labels, nuclei())
    np.testing.assert_array_equal(drawn(found), unknown())


@pytest.mark.parametrize(("name", "bright", "dark"), [("binary", 255, 0), ("inverted", 0, 255)])
def test_masks(name: str, bright: int, dark: int, tmp_path: Path) -> None:
    stored = np.where(nuclei() > 0, bright, dark)
    write_png(tmp_path / "a.png", np.where(unknown(), 128, stored).astype(np.uint8))
    found = annotation_formats[name].load_without(tmp_path / "a.png", "a", SHAPE, 128)
    np.testing.assert_array_equal(found.numbered(SHAPE).labels > 0, nuclei() > 0)
    np.testing.assert_array_equal(drawn(found), unknown())


def test_maps_of_classes(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.where(unknown(), 7, nuclei()).astype(np.uint8))
    found = annotation_formats["classes"].load_without(tmp_path / "a.png", "a", SHAPE, 7)
    assert found.classes == ("1", "2", "3")
    np.testing.assert_array_equal(drawn(found), unknown())


def test_where_the_number_does_not_occur_everything_is_known(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", nuclei().astype(np.uint8))
    found = annotation_formats["labels"].load_without(tmp_path / "a.png", "a", SHAPE, -1)
    assert found.vague == ()
    np.testing.assert_array_equal(found.labels, nuclei())


def test_colours_and_outlines_have_no_number(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.stack([nuclei() * 50, nuclei() * 20, nuclei()], axis=2).astype(np.uint8))
    with pytest.raises(NusegError, match=r"a\.png: has colours, expected numbers.*ignore_label="):
        annotation_formats["labels"].load_without(tmp_path / "a.png", "a", SHAPE, 3)
    geojson = annotation_formats["geojson"]
    geojson.write(Annotation(polygons=(shapely.box(1, 1, 5, 5),)), tmp_path / "a.geojson")
    with pytest.raises(NusegError, match=r"a\.geojson: .*no picture of numbers.*ignore_class="):
        geojson.load_without(tmp_path / "a.geojson", "a", SHAPE, 3)
