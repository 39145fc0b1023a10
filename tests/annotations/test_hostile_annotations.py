"""Files are data from strangers: whatever bytes they hold, a reader gives an annotation or one clear line."""

import random
from pathlib import Path

import numpy as np
import orjson
import pytest
import shapely

from nuseg.annotations.annotation import Annotation, Canvas
from nuseg.annotations.format import AnnotationFormat
from nuseg.annotations.registry import annotation_formats, sniffed
from nuseg.errors import NusegError

FILES = {
    "aperio": "a.xml",
    "cellpose": "a_seg.npy",
    "coco": "a.json",
    "cvat": "a.xml",
    "geojson": "a.geojson",
    "geoparquet": "a.parquet",
    "hovernet": "a.mat",
    "imagej": "a.zip",
    "labelme": "a.json",
    "ndpa": "a.ndpa",
}
TRIALS = 60


def written(kind: AnnotationFormat, path: Path) -> Path:
    """A small file of the format."""
    hole = shapely.box(2, 2, 9, 9).difference(shapely.box(4, 4, 6, 6))
    polygons = (hole, shapely.box(12, 1, 18, 7), shapely.box(1, 12, 5, 15))
    annotation = Annotation(
        polygons=polygons, classes=("x", None, "y"), ids=("1", "2", "3"), canvas=Canvas("a.png", (20, 20), 0.25)
    )
    kind.write(annotation.numbered((20, 20)) if kind.raster else annotation, path)
    return path


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Cut short, or with some bytes changed."""
    if rng.random() < 0.25:
        return data[: rng.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(changed))
        changed[place] = rng.choice([rng.randrange(256), ord("9"), ord("-"), 0, 255])
    return bytes(changed)


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_give_an_annotation_or_one_line(name: str, tmp_path: Path) -> None:
    kind, rng = annotation_formats[name], random.Random(name)
    data = written(kind, tmp_path / FILES[name]).read_bytes()
    for trial in range(TRIALS):
        folder = tmp_path / str(trial)
        folder.mkdir()
        path = folder / FILES[name]
        path.write_bytes(damaged(data, rng))
        sniffed(kind, path)
        said = problem(kind, path)
        assert said is None or (str(path) in said and "\n" not in said and len(said) < 700)


def problem(kind: AnnotationFormat, path: Path) -> str | None:
    """Read and draw all images of a file; gives what is wrong with it."""
    try:
        for image in kind.images(path) or ["a"]:
            found = kind.load(path, image, (20, 20), Canvas(mpp=0.25))
            if found.shape in (None, (20, 20)):
                found.numbered((20, 20))
    except NusegError as error:
        return str(error)
    except ValueError as error:  # of `numbered`, to which prepare and convert add the file
        return f"{path}: {error}"
    return None


BOMB = '<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("name", "root"), [("aperio", "Annotations"), ("cvat", "annotations"), ("ndpa", "annotations")]
)
@pytest.mark.parametrize("head", [BOMB, OUTSIDE, "<!DOCTYPE x>", "<!DOCTYPE x SYSTEM 'http://127.0.0.1/x.dtd'>"])
@pytest.mark.parametrize("coding", ["utf-8", "utf-16"])
def test_xml_with_a_document_type_is_refused(name: str, root: str, head: str, coding: str, tmp_path: Path) -> None:
    kind = annotation_formats[name]
    path = tmp_path / FILES[name]
    text = f'<?xml version="1.0" encoding="{coding}"?>{head}<{root}><image name="a">&a;</image></{root}>'
    path.write_bytes(text.encode(coding))
    assert "DOCTYPE" in (problem(kind, path) or "")


def test_xml_that_is_nested_deeply_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text("<Annotations>" + "<a>" * 100_000)
    with pytest.raises(NusegError, match="nested"):
        annotation_formats["aperio"].load(path, "a")


def test_json_that_is_nested_deeply_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"images": [], "annotations": ' + "[" * 100_000)
    for name in ("coco", "labelme", "geojson"):
        assert (problem(annotation_formats[name], path) or "").startswith(str(path))


@pytest.mark.parametrize("number", ["1e300", "-1e300", "1e12", "NaN", "Infinity"])
def test_numbers_that_are_no_coordinates(number: str, tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(
        f'<annotations><image id="0" name="a" width="9" height="9"><polygon label="x" points="0,0;{number},0;4,4"/>'
        "</image></annotations>"
    )
    with pytest.raises(NusegError, match="coordinate"):
        annotation_formats["cvat"].load(path, "a")


def test_masks_that_claim_too_much_are_refused_before_memory_is_spent(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    image = {"id": 1, "file_name": "a.png"}
    for size, counts in (([10**9, 10**9], [0, 10**18]), ([10, 10], [0, 10**15]), ([5, 5], [-1, 3]), ([5, 5], "~~~~")):
        one = {"image_id": 1, "segmentation": {"size": size, "counts": counts}}
        path.write_bytes(orjson.dumps({"images": [image], "annotations": [one]}))
        annotation_formats["coco"].sniff(path)
        with pytest.raises(NusegError, match=r"mask|run"):
            annotation_formats["coco"].load(path, "a.png")
        path.unlink()


def test_class_names_with_control_characters_are_still_xml(tmp_path: Path) -> None:
    annotation = Annotation(polygons=(shapely.box(0, 0, 3, 3),), classes=("a\x00\x1b<b>&\n",), ids=("\x01",))
    for name in ("aperio", "cvat", "ndpa"):
        kind, path = annotation_formats[name], tmp_path / FILES[name]
        kind.write(Annotation(**{**annotation.__dict__, "canvas": Canvas("a.png", (9, 9), 0.25)}), path)
        found = kind.load(path, (kind.images(path) or ["a"])[0], (9, 9), Canvas(mpp=0.25))
        assert found.names[0] is not None
        assert found.names[0].endswith("<b>&\N{REPLACEMENT CHARACTER}")


def test_arrays_are_mapped_not_read(tmp_path: Path) -> None:
    """An array of 400 GB that is not there: its shape alone is looked at."""
    path = tmp_path / "masks.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f8", "fortran_order": False, "shape": (100_000, 300, 300, 6)}
        )
    with pytest.raises(NusegError, match=r"masks\.npy"):
        annotation_formats["pannuke"].images(path)
