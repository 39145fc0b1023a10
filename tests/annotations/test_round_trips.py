"""What is written in a format comes back as it was: outlines, classes, ids, sizes."""

from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from drawings import label_annotations, label_images, polygon_annotations, same_areas
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from skimage.measure import label as connected

from nuseg.annotations.annotation import Annotation, Canvas, some
from nuseg.annotations.format import AnnotationFormat
from nuseg.annotations.formats.pannuke import CLASSES as PANNUKE_CLASSES
from nuseg.annotations.registry import annotation_formats

OUTLINES = {  # name: file, largest error of a coordinate (px), whether ids and the image's size come back
    "aperio": ("a.xml", 0.002, True, False),
    "coco": ("a.json", 0.002, True, True),
    "cvat": ("a.xml", 0.002, False, True),
    "geojson": ("a.geojson", 0.002, True, False),
    "geoparquet": ("a.parquet", 0.0, True, True),
    "imagej": ("a.zip", 1e-5, True, False),  # 32 bits
    "labelme": ("a.json", 0.002, False, True),
    "ndpa": ("a.ndpi.ndpa", 0.01, True, False),
}
LABELS = {"hovernet": "a.mat", "cellpose": "a_seg.npy", "folders": "a"}
quick = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def again(kind: AnnotationFormat, annotation: Annotation, path: Path) -> Annotation:
    """Write and read."""
    kind.write(annotation, path)
    images = kind.images(path) or ["a"]
    assert len(images) == 1
    return kind.load(path, images[0], annotation.shape, Canvas(mpp=annotation.canvas.mpp))


def by_number(found: Annotation) -> Annotation:
    """Put nuclei in the order of their ids again: Aperio's files are ordered by class."""
    order = np.argsort([int(own or 0) for own in found.identifiers])
    polygons, classes, ids = (
        tuple(held[place] for place in order) for held in (found.areas, found.names, found.identifiers)
    )
    return replace(found, polygons=polygons, classes=some(classes), ids=some(ids))


@pytest.mark.parametrize("name", OUTLINES)
@quick
@given(annotation=st.one_of(polygon_annotations(), label_annotations()))
def test_outlines(name: str, annotation: Annotation, tmp_path: Path) -> None:
    kind = annotation_formats[name]
    file, error, ids, size = OUTLINES[name]
    found = again(kind, annotation, tmp_path / file)
    if name == "aperio":
        found, annotation = by_number(found), annotation if annotation.ids is None else by_number(annotation)
    assert same_areas(found, annotation, error + 1e-9)
    assert found.classes == annotation.classes
    if ids and annotation.ids is not None:
        assert found.ids == annotation.ids
    if size:
        assert found.shape == annotation.shape
    if annotation.labels is not None and error < 0.01 and annotation.shape is not None:
        assert np.array_equal(found.label_image(annotation.shape), annotation.labels)


@quick
@given(annotations=st.lists(st.one_of(polygon_annotations(), label_annotations()), min_size=1, max_size=3))
@pytest.mark.parametrize("name", ["coco", "cvat", "geoparquet"])
def test_many_images_in_one_file(name: str, annotations: list[Annotation], tmp_path: Path) -> None:
    kind = annotation_formats[name]
    names = [f"sub/{number}.png" for number in range(len(annotations))]
    named = [
        replace(one, canvas=replace(one.canvas, name=image)) for one, image in zip(annotations, names, strict=True)
    ]
    path = tmp_path / f"all{kind.suffixes[0]}"
    kind.write_images(named, path)
    assert kind.images(path) == names
    for image, one in zip(names, named, strict=True):
        found = kind.load(path, image)
        assert same_areas(found, one, 0.002)
        assert found.classes == one.classes
        assert found.shape == one.shape


@pytest.mark.parametrize("name", LABELS)
@quick
@given(annotation=label_annotations())
def test_labels(name: str, annotation: Annotation, tmp_path: Path) -> None:
    kind, labels = annotation_formats[name], annotation.labels
    assert labels is not None
    if name == "folders" and not labels.any():
        return  # a folder of no masks is none
    found = again(kind, annotation, Path(mkdtemp(dir=tmp_path)) / LABELS[name]).numbered(labels.shape)
    assert found.labels is not None
    assert np.array_equal(found.labels, labels)
    if kind.has_classes:
        assert found.classes == annotation.classes


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy"])
@quick
@given(labels=label_images())
def test_label_images(suffix: str, labels: np.ndarray, tmp_path: Path) -> None:
    """Of nuclei in one piece and of some size: others may be a mask or classes in disguise, and are refused."""
    whole = connected(np.kron(np.pad(labels, 1), np.ones((6, 6), np.int32)), connectivity=1).astype(np.int32)
    if whole.max() < 2:
        return
    found = again(annotation_formats["labels"], Annotation(whole), Path(mkdtemp(dir=tmp_path)) / f"a{suffix}")
    assert np.array_equal(found.labels, whole)


@quick
@given(annotations=st.lists(st.one_of(polygon_annotations(), label_annotations()), min_size=1, max_size=3))
def test_yolo(annotations: list[Annotation], tmp_path: Path) -> None:
    kind = annotation_formats["yolo"]
    named = [replace(one, canvas=replace(one.canvas, name=f"{n}.png")) for n, one in enumerate(annotations)]
    folder = Path(mkdtemp(dir=tmp_path)) / "yolo"
    kind.write_images(named, folder)
    for number, one in enumerate(named):
        found = kind.load(folder / "labels" / f"{number}.txt", str(number), one.shape)
        assert same_areas(found, one, 1e-5)
        assert found.classes == one.classes


@quick
@given(annotation=label_annotations(classes=PANNUKE_CLASSES, every=True))
def test_pannuke(annotation: Annotation, tmp_path: Path) -> None:
    kind = annotation_formats["pannuke"]
    path = Path(mkdtemp(dir=tmp_path)) / "arrays" / "masks.npy"
    kind.write_images([annotation, annotation], path.parent)
    assert kind.images(path) == ["0000", "0001"]
    found = kind.load(path, "0001", annotation.shape)
    assert found.labels is not None
    assert annotation.labels is not None
    expected = annotation.classes or ()
    numbers = [
        int(annotation.labels[found.labels == label][0]) for label in range(1, int(found.labels.max(initial=0)) + 1)
    ]
    assert sorted(numbers) == list(range(1, len(expected) + 1))
    for label, number in enumerate(numbers, start=1):
        assert np.array_equal(found.labels == label, annotation.labels == number)
        assert found.classes is not None
        assert found.classes[label - 1] == expected[number - 1]


def test_every_format_that_is_written_is_tested_here() -> None:
    own = {kind.name for kind in annotation_formats.values() if kind.writable}
    assert own - {"binary", "points"} <= {*OUTLINES, *LABELS, "labels", "yolo", "pannuke"}
