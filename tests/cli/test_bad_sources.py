"""`nuseg prepare` with files that cannot be used: every one is named, and no dataset is made."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from command_line import check_one_error, check_usage_error, run_cli
from damage import Damage, cut, remove, replace

from annotated import field, write_source

pytestmark = pytest.mark.usefixtures("nothing_half_written")

SHAPE = (48, 56)
MPP = ["--mpp", "0.25"]
GROUP = ["--table", "list.csv", "--group-column", "x"]


def label(values: np.ndarray) -> Damage:
    return lambda root: tifffile.imwrite(root / "labels" / "b.tif", values)


def nothing(root: Path) -> None:
    """Leave all as it is."""


def wrong_resolution(root: Path) -> None:
    remove("images/b.png")(root)
    tifffile.imwrite(root / "images/b.tif", field(1)[0], imagej=True, resolution=(9, 9), metadata={"unit": "mm"})


SOURCES: dict[str, tuple[Damage, list[str], str]] = {
    "cut image": (cut("images/b.png"), MPP, "images/b.png: damaged or cut short"),
    "empty image": (replace("images/b.png", b""), MPP, "images/b.png: an empty file"),
    "implausible metadata": (wrong_resolution, [], "images/b.tif: ImageJ resolution"),
    "cut label": (cut("labels/b.tif"), MPP, "labels/b.tif: cut short"),
    "empty label": (replace("labels/b.tif", b""), MPP, "labels/b.tif: the annotation file is empty"),
    "small label": (label(np.ones((9, 9), np.uint16)), MPP, "the annotation is 9x9 but the image b.png is 56x48"),
    "turned label": (label(np.ones((56, 48), np.uint16)), MPP, "is it transposed?"),
    "label with fractions": (label(np.full(SHAPE, 0.5, np.float32)), MPP, "b.tif: the label image has fractions"),
    "label with NaN": (label(np.full(SHAPE, np.nan, np.float32)), MPP, "b.tif: the label image has fractions or NaN"),
    "negative label": (label(np.full(SHAPE, -1, np.int32)), MPP, "b.tif: the label image has the negative label -1"),
    "coloured label": (
        label(np.arange(8064, dtype=np.uint16).reshape(*SHAPE, 3)),
        MPP,
        "b.tif: the label image has colours",
    ),
    "binary label": (label((field(1)[1] > 0) * np.uint8(255)), MPP, "b.tif: is a binary mask"),
    "no labels": (lambda root: shutil.rmtree(root / "labels"), [], "no annotations found"),
    "no images": (lambda root: shutil.rmtree(root / "images"), [], "no images found"),
    "no such labels": (nothing, ["--labels", "none"], "--labels none: no such folder"),
    "two of one name": (lambda root: shutil.copy(root / "images/b.png", root / "images/b.jpg"), [], "the same name"),
    "implausible --mpp": (nothing, ["--mpp", "30"], "--mpp: resolution of 30 um/px"),
    "bad --split": (nothing, ["--split", "1,2"], "--split 1,2: expected three shares"),
    "bad --group": (nothing, ["--group", "("], "--group (: not a regular expression"),
    "--group without match": (nothing, ["--group", "^(z)"], "--group ^(z): does not match a, b, c"),
    "no table": (nothing, ["--table", "none.csv", "--group-column", "x"], "none.csv: cannot be read as CSV"),
    "empty table": (replace("list.csv", b""), GROUP, "list.csv: has no column 'name'"),
    "no text table": (replace("list.csv", bytes(range(256))), GROUP, "list.csv: cannot"),
    "no such column": (replace("list.csv", b"name,y\na,1\n"), GROUP, "no column 'x'"),
    "mpp in words": (
        replace("list.csv", b"name,x\na,40x\nb,1\nc,1\n"),
        ["--table", "list.csv", "--mpp-column", "x"],
        "x of a is",
    ),
    "column without table": (nothing, ["--group-column", "x"], "--group-column: needs a CSV"),
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_source(tmp_path / "source", ["a", "b", "c"])


@pytest.mark.parametrize("kind", SOURCES)
def test_prepare_names_what_is_wrong_and_leaves_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    damage, words, message = SOURCES[kind]
    damage(source)
    monkeypatch.chdir(source)
    check_one_error(run_cli("prepare", source, "-o", tmp_path / "set", *words), message)
    assert not (tmp_path / "set").exists()


def test_prepare_lists_all_bad_files(source: Path, tmp_path: Path) -> None:
    replace("images/a.png", b"")(source)
    cut("labels/b.tif")(source)
    result = run_cli("prepare", source, "-o", tmp_path / "set", *MPP)
    first, *lines = result.err.splitlines()
    assert (result.code, first) == (1, f"error: {source}: 2 files cannot be used:")
    assert [line.split(": ")[0].strip() for line in lines] == [
        str(source / p) for p in ("images/a.png", "labels/b.tif")
    ]


@pytest.mark.parametrize("format_", ["binary", "folders"])
def test_prepare_with_the_wrong_format_says_so_of_every_file(source: Path, tmp_path: Path, format_: str) -> None:
    result = run_cli("prepare", source, "-o", tmp_path / "set", "--format", format_, *MPP)
    first, *lines = result.err.splitlines()
    assert (result.code, first) == (1, f"error: {source}: 3 files cannot be used:")
    assert [line.strip().split(": ")[0] for line in lines] == [str(source / f"labels/{name}.tif") for name in "abc"]
    assert not (tmp_path / "set").exists()


def test_prepare_lists_files_without_partner(source: Path, tmp_path: Path) -> None:
    remove("images/a.png")(source)
    remove("labels/b.tif")(source)
    result = run_cli("prepare", source, "-o", tmp_path / "set", *MPP)
    first, *lines = result.err.splitlines()
    assert result.code == 1
    assert first.startswith("error: 2 files without partner")
    assert [line.strip() for line in lines] == [
        f"{source / 'images/b.png'}: image without annotation",
        f"{source / 'labels/a.tif'}: annotation without image",
    ]
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("given", ["none", "empty", "source/images/a.png"])
def test_prepare_without_a_source(source: Path, tmp_path: Path, given: str) -> None:
    (tmp_path / "empty").mkdir()
    check_one_error(run_cli("prepare", tmp_path / given, "-o", tmp_path / "set"), tmp_path / given)
    assert not (tmp_path / "set").exists()


def test_prepare_keeps_what_is_there(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        check_one_error(run_cli("prepare", source, "-o", place, *MPP), place, "is a file")
    check_one_error(run_cli("prepare", source, "-o", source, *MPP), source, "holds the source")
    check_one_error(run_cli("prepare", source, "-o", source / "labels", *MPP), source / "labels", "is not empty")
    assert run_cli("prepare", source, "-o", tmp_path / "set", *MPP).code == 0
    before = (tmp_path / "set" / "dataset.json").read_bytes()
    check_one_error(run_cli("prepare", source, "-o", tmp_path / "set", *MPP), "--overwrite")
    replace("images/a.png", b"")(source)
    check_one_error(run_cli("prepare", source, "-o", tmp_path / "set", "--overwrite", *MPP), "a.png: an empty file")
    assert (tmp_path / "set" / "dataset.json").read_bytes() == before
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="a folder in which root cannot write: /proc")
def test_prepare_where_nobody_may_write(source: Path) -> None:
    check_one_error(run_cli("prepare", source, "-o", "/proc/nuseg", *MPP), "/proc/", "cannot be written")


@pytest.mark.parametrize("words", [["--seed", "x"], ["--format", "boxes"], ["--lables", "masks"]])
def test_prepare_usage(source: Path, tmp_path: Path, words: list[str]) -> None:
    check_usage_error(run_cli("prepare", source, "-o", tmp_path / "set", *words), words[0])
