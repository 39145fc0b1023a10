"""Where 0, 0 lies in each format: a file as other programs write it covers the pixels that it should.

All draw the same rectangle, columns 3 to 12 and rows 4 to 9: area 60 px, centroid (8, 7)."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import pytest
import roifile
import scipy.io
from drawings import RECTANGLE, rectangle_labels
from PIL import Image

from nuseg.annotations.annotation import Canvas
from nuseg.annotations.registry import annotation_formats, recognise

CORNERS = [(3, 4), (13, 4), (13, 10), (3, 10)]
SHAPE = (20, 30)
MPP = 0.25


def aperio(path: Path) -> None:
    vertices = "".join(f'<Vertex X="{x}" Y="{y}" Z="0"/>' for x, y in CORNERS)
    region = f'<Region Id="7" Type="0" Text="tumour" NegativeROA="0"><Vertices>{vertices}</Vertices></Region>'
    path.write_text(
        f'<Annotations MicronsPerPixel="{MPP}"><Annotation Id="1" Name="" LineColor="255"><Regions>{region}</Regions>'
        "</Annotation></Annotations>"
    )


def coco(path: Path, outline: object) -> None:
    path.write_text(
        json.dumps(
            {
                "info": {},
                "images": [{"id": 3, "file_name": "a.png", "width": 30, "height": 20}],
                "categories": [{"id": 9, "name": "tumour"}],
                "annotations": [{"id": 7, "image_id": 3, "category_id": 9, "iscrowd": 0, "segmentation": outline}],
            }
        )
    )


def coco_runs() -> dict[str, object]:
    """The rectangle as COCO's uncompressed run lengths, counted here by hand: 20 rows per column."""
    counts = [3 * 20 + 4]
    for _ in range(10):
        counts += [6, 14]
    counts[-1] += 17 * 20 - 4
    return {"size": [20, 30], "counts": counts}


def labelme(path: Path, shape: dict[str, object]) -> None:
    about = {"version": "5.0.1", "flags": {}, "imagePath": "..\\images\\a.png", "imageHeight": 20, "imageWidth": 30}
    path.write_text(json.dumps({**about, "imageData": None, "shapes": [{"label": "tumour", **shape}]}))


def labelme_mask(path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.full((6, 10), 255, np.uint8)).save(buffer, "PNG")
    mask = base64.b64encode(buffer.getvalue()).decode()
    labelme(path, {"shape_type": "mask", "points": [[3.0, 4.0], [12.0, 9.0]], "mask": mask})


def cvat(path: Path, shape: str) -> None:
    path.write_text(
        '<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><meta><task><labels><label>'
        "<name>tumour</name><color>#ff0000</color></label></labels></task></meta>"
        f'<image id="0" name="a.png" width="30" height="20">{shape}</image></annotations>'
    )


def ndpa(path: Path) -> None:
    """In nanometres about the middle of an image of 30 x 20 px at 0.25 um: (15, 10) px."""
    points = "".join(f"<point><x>{(x - 15) * 250}</x><y>{(y - 10) * 250}</y></point>" for x, y in CORNERS)
    path.write_text(
        '<?xml version="1.0" encoding="utf-8" standalone="yes"?><annotations><ndpviewstate id="1"><title>tumour</title>'
        '<coordformat>nanometers</coordformat><annotation type="freehand" displayname="AnnotateFreehand" '
        f'color="#0000ff"><measuretype>0</measuretype><closed>1</closed><pointlist>{points}</pointlist></annotation>'
        "</ndpviewstate></annotations>"
    )


def imagej(path: Path) -> None:
    roi = roifile.ImagejRoi.frompoints(np.array(CORNERS), name="tumour 7")
    roi.roitype = roifile.ROI_TYPE.TRACED
    roi.tofile(path)


def imagej_rectangle(path: Path) -> None:
    roi = roifile.ImagejRoi()
    roi.roitype, roi.left, roi.top, roi.right, roi.bottom = roifile.ROI_TYPE.RECT, 3, 4, 13, 10
    roi.tofile(path)


def hovernet(path: Path) -> None:
    scipy.io.savemat(path, {"inst_map": rectangle_labels() * 7.0, "inst_type": [[2.0]], "inst_centroid": [[7.5, 6.5]]})


def cellpose(path: Path) -> None:
    np.save(path, {"masks": rectangle_labels().astype(np.uint16), "flows": [None]}, allow_pickle=True)


def pannuke(path: Path) -> None:
    masks = np.zeros((2, *SHAPE, 6))
    masks[1, ..., 1] = rectangle_labels() * 4
    masks[1, ..., 5] = rectangle_labels() == 0
    np.save(path, masks)


def yolo(path: Path) -> None:
    (path.parent / "classes.txt").write_text("tumour\n")
    path.write_text(" ".join(["0", *(f"{x / 30:.6f} {y / 20:.6f}" for x, y in CORNERS)]) + "\n")


def geoparquet(path: Path) -> None:
    geopandas.GeoDataFrame({"class": ["tumour"]}, geometry=[RECTANGLE]).to_parquet(path)


FILES: dict[str, tuple[str, str, Callable[[Path], None]]] = {
    "aperio": ("aperio", "a.xml", aperio),
    "coco polygon": ("coco", "a.json", lambda path: coco(path, [[v for corner in CORNERS for v in corner]])),
    "coco runs": ("coco", "a.json", lambda path: coco(path, coco_runs())),
    "labelme polygon": ("labelme", "a.json", lambda path: labelme(path, {"points": CORNERS})),
    "labelme rectangle": (
        "labelme",
        "a.json",
        lambda path: labelme(path, {"shape_type": "rectangle", "points": [[13, 4], [3, 10]]}),
    ),
    "labelme mask": ("labelme", "a.json", labelme_mask),
    "cvat polygon": (
        "cvat",
        "a.xml",
        lambda path: cvat(path, '<polygon label="tumour" points="3.00,4.00;13.00,4.00;13.00,10.00;3.00,10.00"/>'),
    ),
    "cvat box": ("cvat", "a.xml", lambda path: cvat(path, '<box label="tumour" xtl="3" ytl="4" xbr="13" ybr="10"/>')),
    "cvat turned box": (
        "cvat",
        "a.xml",
        lambda path: cvat(path, '<box label="tumour" xtl="5" ytl="2" xbr="11" ybr="12" rotation="90"/>'),
    ),
    "cvat mask": (
        "cvat",
        "a.xml",
        lambda path: cvat(path, '<mask label="tumour" rle="0, 60" left="3" top="4" width="10" height="6"/>'),
    ),
    "ndpa": ("ndpa", "a.ndpi.ndpa", ndpa),
    "imagej traced": ("imagej", "a.roi", imagej),
    "imagej rectangle": ("imagej", "a.roi", imagej_rectangle),
    "hovernet": ("hovernet", "a.mat", hovernet),
    "cellpose": ("cellpose", "a_seg.npy", cellpose),
    "pannuke": ("pannuke", "masks.npy", pannuke),
    "yolo": ("yolo", "a.txt", yolo),
    "geoparquet": ("geoparquet", "a.parquet", geoparquet),
}
CLASSES = {
    "hovernet": "2",
    "pannuke": "Inflammatory",
    "cellpose": None,
    "imagej traced": None,
    "imagej rectangle": None,
}


@pytest.mark.parametrize("case", FILES)
def test_area_centroid_pixels_and_class(case: str, tmp_path: Path) -> None:
    name, file, write = FILES[case]
    path = tmp_path / file
    write(path)
    recognised = recognise(path)
    assert recognised is not None
    assert recognised[0].name == name
    kind = annotation_formats[name]
    images = kind.images(path) or ["a"]
    found = kind.load(path, images[-1], SHAPE, Canvas(mpp=MPP))
    (nucleus,) = found.areas
    assert nucleus.area == pytest.approx(60, abs=1e-3)
    assert (nucleus.centroid.x, nucleus.centroid.y) == pytest.approx((8, 7), abs=1e-3)
    assert np.array_equal(found.numbered(SHAPE).labels, rectangle_labels())
    assert found.names == (CLASSES.get(case, "tumour"),)
    assert found.notes == () or case == "ndpa"


ROUND = {
    "labelme": ("a.json", lambda p: labelme(p, {"shape_type": "circle", "points": [[8, 7], [8, 12]]}), (5, 5)),
    "cvat": ("a.xml", lambda p: cvat(p, '<ellipse label="x" cx="8" cy="7" rx="5" ry="3"/>'), (5, 3)),
    "cvat turned": (
        "a.xml",
        lambda p: cvat(p, '<ellipse label="x" cx="8" cy="7" rx="3" ry="5" rotation="90"/>'),
        (5, 3),
    ),
    "imagej": ("a.roi", lambda p: oval(p), (5, 3)),
    "aperio": ("a.xml", lambda p: aperio_ellipse(p), (5, 3)),
    "ndpa": ("a.ndpa", lambda p: ndpa_circle(p), (5, 5)),
}


def oval(path: Path) -> None:
    roi = roifile.ImagejRoi()
    roi.roitype, roi.left, roi.top, roi.right, roi.bottom = roifile.ROI_TYPE.OVAL, 3, 4, 13, 10
    roi.tofile(path)


def aperio_ellipse(path: Path) -> None:
    corners = '<Vertex X="3" Y="4"/><Vertex X="13" Y="10"/>'
    path.write_text(
        f'<Annotations><Annotation><Regions><Region Type="2"><Vertices>{corners}</Vertices></Region></Regions>'
        "</Annotation></Annotations>"
    )


def ndpa_circle(path: Path) -> None:
    path.write_text(
        '<annotations><ndpviewstate id="1"><annotation type="circle"><x>-1750</x><y>-750</y><radius>1250</radius>'
        "</annotation></ndpviewstate></annotations>"
    )


@pytest.mark.parametrize("case", ROUND)
def test_ellipses_keep_area_centroid_and_sides(case: str, tmp_path: Path) -> None:
    file, write, (across, down) = ROUND[case]
    path = tmp_path / file
    write(path)
    recognised = recognise(path)
    assert recognised is not None
    kind = recognised[0]
    (nucleus,) = kind.load(path, (kind.images(path) or ["a"])[0], SHAPE, Canvas(mpp=MPP)).areas
    assert nucleus.area == pytest.approx(np.pi * across * down, rel=1e-6)
    assert (nucleus.centroid.x, nucleus.centroid.y) == pytest.approx((8, 7), abs=1e-6)
    left, top, right, bottom = nucleus.bounds
    assert (right - left, bottom - top) == pytest.approx((2 * across, 2 * down), rel=0.01)
