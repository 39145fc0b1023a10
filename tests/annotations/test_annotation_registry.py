"""All annotation formats together: names, recognition, errors of readers, writing."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from annotated import field
from nuseg.annotations.annotation import Annotation
from nuseg.annotations.format import SURE, AnnotationFormat, Sniff
from nuseg.annotations.registry import annotation_formats, format_of, recognise
from nuseg.errors import NusegError
from nuseg.io.image import write_png

LABELS = field(0)[1]


class Careless(AnnotationFormat):
    """A reader that leaves whatever happens to its caller."""

    name = "careless"
    help = "breaks"
    suffixes = (".careless",)

    def sniff(self, path: Path) -> Sniff | None:
        return Sniff(SURE, "it says so") if path.read_text().startswith("careless") else None

    def index(self, path: Path) -> list[str]:
        raise KeyError("images")

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        raise ValueError("no number\nin line 3")


@pytest.fixture
def careless() -> Iterator[Careless]:
    kind = Careless()
    annotation_formats.register(kind)
    yield kind
    annotation_formats.unregister(kind.name)


def test_formats_that_come_with_nuseg() -> None:
    assert {"labels", "binary", "folders", "geojson"} <= set(annotation_formats)
    for kind in annotation_formats.values():
        assert kind.help
        assert not kind.help.endswith(".")
        assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in kind.suffixes)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_label_images_are_written_and_recognised(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    annotation_formats["labels"].write(Annotation(LABELS), path)
    assert format_of(path).name == "labels"
    assert np.array_equal(format_of(path).load(path, "a").label_image(LABELS.shape), LABELS)


def test_masks_are_written_and_recognised(tmp_path: Path) -> None:
    annotation_formats["binary"].write(Annotation(LABELS), tmp_path / "a.png")
    kind, sniff = recognise(tmp_path / "a.png") or pytest.fail("not recognised")
    assert (kind.name, sniff.reason) == ("binary", "a.png has one value for all nuclei")
    found = kind.load(tmp_path / "a.png", "a")
    assert not found.instance
    assert np.array_equal(found.label_image(LABELS.shape), LABELS)


def test_folders_of_masks_are_written_and_recognised(tmp_path: Path) -> None:
    annotation_formats["folders"].write(Annotation(LABELS * 5), tmp_path / "a")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["05.png", "10.png", "15.png"]
    found = format_of(tmp_path / "a").load(tmp_path / "a", "a")
    assert np.array_equal(found.label_image(LABELS.shape), LABELS)


@pytest.mark.parametrize("name", ["labels", "binary", "folders"])
def test_polygons_are_not_written_as_pixels_of_an_unknown_size(tmp_path: Path, name: str) -> None:
    with pytest.raises(NusegError, match="polygons"):
        annotation_formats[name].write(Annotation(polygons=()), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "file"), [("labels", "a.jpg"), ("binary", "a.tif"), ("labels", "a.png")], ids=["JPEG", "TIFF", "too many"]
)
def test_files_that_cannot_hold_it_are_not_written(tmp_path: Path, name: str, file: str) -> None:
    with pytest.raises(NusegError, match=file):
        annotation_formats[name].write(Annotation(LABELS * 30000), tmp_path / file)


def test_a_damaged_file_is_read_by_its_name_so_that_its_error_is_said(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "a.tif", "a.npy"):
        (tmp_path / name).write_bytes(b"damaged")
        with pytest.raises(NusegError, match="cannot be read"):
            format_of(tmp_path / name).load(tmp_path / name, "a")


def test_what_none_knows(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words")
    for path in (tmp_path / "a.txt", tmp_path / "none.png", tmp_path):
        assert recognise(path) is None
        with pytest.raises(NusegError, match=r"in one of the formats aperio, binary, .*labels, .*folders"):
            format_of(path)


def test_any_problem_of_a_reader_names_the_file(tmp_path: Path, careless: Careless) -> None:
    path = tmp_path / "a.careless"
    path.write_text("careless")
    assert format_of(path) is careless
    with pytest.raises(NusegError, match=r"a\.careless: cannot be read as careless \(no number in line 3\)"):
        careless.load(path, "a")
    with pytest.raises(NusegError, match=r"a\.careless: cannot be read as careless \('images'\)"):
        careless.images(path)
    with pytest.raises(NusegError, match=r"a\.careless: the annotation format careless can be read but not written"):
        careless.write(Annotation(LABELS), path)


def test_a_sniff_that_fails_is_no_vote(tmp_path: Path, careless: Careless) -> None:
    tifffile.imwrite(tmp_path / "a.tif", LABELS)  # no text: `careless` fails on it
    assert format_of(tmp_path / "a.tif").name == "labels"


def test_a_missing_package_is_named(tmp_path: Path, careless: Careless, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Careless, "needs", ("no_such_module.inner", "nuseg[careless]"))
    for ask in (careless.images, lambda path: careless.load(path, "a")):
        with pytest.raises(NusegError, match=r"needs no_such_module.inner: pip install 'nuseg\[careless\]'"):
            ask(tmp_path / "a.careless")
    monkeypatch.setattr(Careless, "needs", ("json.decoder", "python"))
    careless.require()


def test_a_picture_with_two_numbers_is_a_label_image(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.array([[0, 1, 2]], np.uint8))
    write_png(tmp_path / "b.png", np.array([[0, 0, 1]], np.uint8))
    found = [recognise(tmp_path / name) for name in ("a.png", "b.png")]
    assert [(pair[0].name, pair[1].reason) for pair in found if pair] == [
        ("labels", "a.png has 2 different labels"),
        ("labels", "b.png has no more than one nucleus"),
    ]
