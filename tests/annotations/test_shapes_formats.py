"""LabelMe, CVAT, NDP.view and ImageJ: groups, holes, what has no area, and where slides lie."""

import json
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import roifile
import shapely

from nuseg.annotations.annotation import Annotation, Canvas
from nuseg.annotations.formats import ndpa as ndpa_module
from nuseg.annotations.formats.cvat import FORMAT as CVAT
from nuseg.annotations.formats.imagej import FORMAT as IMAGEJ
from nuseg.annotations.formats.labelme import FORMAT as LABELME
from nuseg.annotations.formats.ndpa import FORMAT as NDPA
from nuseg.errors import NusegError
from nuseg.io.slide_frame import SlideFrame

TRIANGLE = [[0, 0], [4, 0], [0, 4]]


def test_labelme_groups_are_pieces_and_lines_are_left_out(tmp_path: Path) -> None:
    moved = [[x + 10, y] for x, y in TRIANGLE]
    shapes = [
        {"label": "t", "points": TRIANGLE, "group_id": 1, "shape_type": "polygon"},
        {"label": "t", "points": moved, "group_id": 1, "shape_type": "polygon"},
        {"label": "u", "points": moved, "group_id": 1, "shape_type": "polygon"},
        {"label": "t", "points": TRIANGLE, "group_id": None, "shape_type": "polygon"},
        {"label": "t", "points": [[1, 1]], "shape_type": "point"},
        {"label": "t", "points": TRIANGLE[:2], "shape_type": "linestrip"},
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"shapes": shapes, "imagePath": "../a.png", "imageHeight": 9, "imageWidth": 20}))
    found = LABELME.load(path, "a")
    assert [nucleus.area for nucleus in found.areas] == [16, 8, 8]
    assert found.classes == ("t", "u", "t")
    assert found.canvas == Canvas("a.png", (9, 20))
    assert found.notes == ("2 shapes without an area: left out",)


def test_labelme_takes_only_its_own_json(tmp_path: Path) -> None:
    for name, content in {"a": {"shapes": [], "imagePath": "a"}, "b": {"images": []}, "c": []}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / "d.json").write_text("{")
    assert [path.name for path in LABELME.find(tmp_path)] == ["a.json", "d.json"]


def test_cvat_groups_labels_and_colours(tmp_path: Path) -> None:
    points = ";".join(f"{x},{y}" for x, y in TRIANGLE)
    moved = ";".join(f"{x + 10},{y}" for x, y in TRIANGLE)
    path = tmp_path / "a.xml"
    path.write_text(
        "<annotations><meta><job><labels><label><name>t</name><color>#ff0080</color></label>"
        "<label><name>unused</name></label></labels></job></meta>"
        '<image id="0" name="s/a.png" width="20" height="9">'
        f'<polygon label="t" points="{points}" group_id="1"/><polygon label="t" points="{moved}" group_id="1"/>'
        f'<polygon label="t" points="{points}" group_id="0"/><polygon label="t" points="{points}" group_id="0"/>'
        f'<polyline label="t" points="{points}"/></image><image id="1" name="s/b.png" width="20" height="9"/>'
        "</annotations>"
    )
    assert CVAT.index(path) == ["s/a.png", "s/b.png"]
    found = CVAT.load(path, "s/a.png")
    assert [nucleus.area for nucleus in found.areas] == [16, 8, 8]
    assert found.vocabulary == ("t", "unused")
    assert found.colours == {"t": (255, 0, 128)}
    assert found.notes == ("1 shape without an area: left out",)
    assert CVAT.load(path, "s/b.png").areas == ()


def test_cvat_tells_classes_by_an_attribute_where_the_label_is_one_for_all(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(
        "<annotations><meta><task><labels><label><name>nucleus</name></label></labels></task></meta><image name='a'>"
        "<box label='nucleus' xtl='0' ytl='0' xbr='2' ybr='2'><attribute name='class'>tumour</attribute></box>"
        "</image></annotations>"
    )
    assert CVAT.load(path, "a").classes == ("tumour",)


def test_cvat_refuses_videos(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text("<annotations><track id='0'/></annotations>")
    with pytest.raises(NusegError, match="tracks of a video"):
        CVAT.images(path)


def test_ndpa_counts_from_the_centre_of_the_slide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slide whose image lies 1 mm right of the slide's centre and 2 mm above it."""
    frame = SlideFrame((1000, 2000), (250.0, 250.0), (1_000_000.0, -2_000_000.0))
    monkeypatch.setattr(ndpa_module, "slide_frame", lambda path: frame)
    (tmp_path / "a.ndpi").write_bytes(b"")
    path = tmp_path / "a.ndpi.ndpa"
    nucleus = shapely.box(100, 200, 110, 220)
    NDPA.write(Annotation(polygons=(nucleus,), classes=("t",), colours={"t": (1, 2, 3)}), path)
    text = path.read_text()
    left, top = 1_000_000 + (100 - 1000) * 250, -2_000_000 + (200 - 500) * 250
    assert f"<x>{left}</x>" in text
    assert f"<y>{top}</y>" in text
    found = NDPA.load(path, "a")
    assert found.areas[0].bounds == pytest.approx((100, 200, 110, 220))
    assert (found.classes, found.colours) == (("t",), {"t": (1, 2, 3)})
    assert found.shape == (1000, 2000)
    assert found.notes == ()


def test_ndpa_without_its_slide_asks_for_it_or_says_what_it_assumes(tmp_path: Path) -> None:
    path = tmp_path / "a.ndpi.ndpa"
    annotation = Annotation(polygons=(shapely.box(1, 2, 3, 4),), canvas=Canvas("a.png", (50, 60), 0.5))
    NDPA.write(annotation, path)
    with pytest.raises(NusegError, match=r"put it beside this file as a\.ndpi, or give images="):
        NDPA.load(path, "a")
    found = NDPA.load(path, "a", (50, 60), Canvas(mpp=0.5))
    assert found.areas[0].bounds == pytest.approx((1, 2, 3, 4))
    assert "taken for the centre of the slide" in found.notes[0]


def roi(kind: roifile.ROI_TYPE, points: np.ndarray, name: str) -> bytes:
    made = roifile.ImagejRoi.frompoints(points, name=name)
    made.roitype = kind
    return made.tobytes()


def test_imagej_zip_with_names_groups_and_points(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    grouped = roifile.ImagejRoi.frombytes(roi(roifile.ROI_TYPE.FREEHAND, np.array(TRIANGLE), "n2"))
    grouped.group = 3
    with ZipFile(path, "w") as archive:
        archive.writestr("n1.roi", roi(roifile.ROI_TYPE.POLYGON, np.array(TRIANGLE) + 0.25, "n1"))
        archive.writestr("n2.roi", grouped.tobytes())
        archive.writestr("p.roi", roi(roifile.ROI_TYPE.POINT, np.array([[1, 1]]), "p"))
        archive.writestr("__MACOSX/._n1.roi", b"\0")
    found = IMAGEJ.load(path, "a")
    assert [nucleus.bounds for nucleus in found.areas] == [(0.25, 0.25, 4.25, 4.25), (0, 0, 4, 4)]
    assert (found.ids, found.classes) == (("n1", "n2"), (None, "3"))
    assert found.notes == ("1 ROI without an area: left out",)


def test_imagej_composite_with_a_hole_and_a_curve(tmp_path: Path) -> None:
    made = roifile.ImagejRoi()
    made.roitype = roifile.ROI_TYPE.RECT
    quarter = 4 / 3 * (np.sqrt(2) - 1)  # a quarter of a circle as a cubic curve
    square = [0, 0, 0, 1, 10, 0, 1, 10, 10, 1, 0, 10, 4]
    hole = [0, 2, 2, 1, 4, 2, 1, 4, 4, 1, 2, 4, 4]
    pie = [0, 20, 20, 1, 30, 20, 3, 30, 20 + 10 * quarter, 20 + 10 * quarter, 30, 20, 30, 4]
    made.multi_coordinates = np.array([*square, *hole, *pie], np.float32)
    made.shape_roi_size = len(made.multi_coordinates)
    made.tofile(tmp_path / "a.roi")
    (nucleus,) = IMAGEJ.load(tmp_path / "a.roi", "a").areas
    assert nucleus.area == pytest.approx(96 + np.pi * 25, rel=0.01)
    assert len(nucleus.geoms[0].interiors) + len(nucleus.geoms[1].interiors) == 1


def test_imagej_folder_and_archives_of_other_things(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "1.roi").write_bytes(roi(roifile.ROI_TYPE.POLYGON, np.array(TRIANGLE), "one"))
    with ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("c.png", b"")
    assert IMAGEJ.find(tmp_path) == [folder]
    assert IMAGEJ.load(folder, "a").ids == ("one",)


def test_imagej_without_roifile_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nuseg.annotations.format.find_spec", lambda name: None)
    with pytest.raises(NusegError, match=r"needs roifile: pip install 'nuseg\[formats\]'"):
        IMAGEJ.load(tmp_path / "a.zip", "a")
