"""Annotations for tests: drawn at random, and one whose pixels are known."""

import numpy as np
import shapely
from hypothesis import strategies as st

from nuseg.annotations.annotation import Annotation, Canvas
from nuseg.annotations.labels import renumber

CLASSES = ("tumour", "lymphocyte", "stroma & <cell>")
RECTANGLE = shapely.box(3, 4, 13, 10)
"""Covers the pixels of columns 3 to 12 and rows 4 to 9: 60 px about (8, 7)."""


def rectangle_labels(shape: tuple[int, int] = (20, 30)) -> np.ndarray:
    """The label image of `RECTANGLE`."""
    labels = np.zeros(shape, np.int32)
    labels[4:10, 3:13] = 1
    return labels


@st.composite
def label_images(draw: st.DrawFn) -> np.ndarray:
    """Label images of 1..N, most nuclei in several pieces and with holes."""
    height, width = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    values = draw(st.lists(st.integers(0, 3), min_size=height * width, max_size=height * width))
    return renumber(np.array(values).reshape(height, width))


@st.composite
def label_annotations(draw: st.DrawFn, classes: tuple[str, ...] = CLASSES, every: bool = False) -> Annotation:
    """Label images with classes, of which some nuclei have none unless `every`."""
    labels = draw(label_images())
    names = st.sampled_from(classes if every else (*classes, None))
    chosen = tuple(draw(names) for _ in range(int(labels.max())))
    return Annotation(
        labels,
        classes=chosen if any(chosen) else None,
        vocabulary=classes,
        canvas=Canvas("a.png", (labels.shape[0], labels.shape[1]), 0.25),
    )


@st.composite
def polygon_annotations(draw: st.DrawFn) -> Annotation:
    """Overlapping polygons with fractions, holes, pieces, classes and ids."""
    polygons: list[shapely.Geometry] = []
    for _ in range(draw(st.integers(0, 4))):
        x, y = draw(st.integers(0, 160)) / 8, draw(st.integers(0, 160)) / 8
        side = draw(st.integers(8, 64)) / 8
        nucleus = shapely.box(x, y, x + side, y + side)
        if draw(st.booleans()):
            nucleus = nucleus.difference(shapely.Point(x + side / 2, y + side / 2).buffer(side / 4, quad_segs=2))
        if draw(st.booleans()):
            nucleus = shapely.union_all([nucleus, shapely.box(x + side + 1, y, x + side + 2, y + side)])
        polygons.append(nucleus)
    classes = tuple(draw(st.sampled_from((*CLASSES, None))) for _ in polygons)
    ids = tuple(str(number + 1) for number in draw(st.permutations(range(len(polygons)))))
    return Annotation(
        polygons=tuple(polygons),
        classes=classes if any(classes) else None,
        ids=ids or None,
        vocabulary=CLASSES,
        canvas=Canvas("a.png", (40, 50), 0.25),
    )


def same_areas(found: Annotation, expected: Annotation, tolerance: float) -> bool:
    """Whether nuclei cover the same, up to `tolerance` px along their outlines."""
    pairs = zip(found.areas, expected.areas, strict=True)
    return all(shapely.symmetric_difference(one, other).area <= tolerance * (other.length + 1) for one, other in pairs)
