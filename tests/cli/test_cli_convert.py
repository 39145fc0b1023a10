"""`nuseg convert` and `nuseg formats` as users run them."""

from pathlib import Path

import pytest
from command_line import run_cli

from annotated import field, write_source
from nuseg.annotations.annotation import Annotation
from nuseg.annotations.formats.geojson import FORMAT as GEOJSON
from nuseg.annotations.registry import annotation_formats


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_source(tmp_path / "source", ["a", "b"])


def test_there_and_back(source: Path, tmp_path: Path) -> None:
    done = run_cli("convert", source / "labels", "-o", tmp_path / "all.json", "--to", "coco")
    assert done.code == 0, done.output
    assert "labels to coco: 2 images, 6 nuclei" in done.out
    assert f"written: {tmp_path / 'all.json'}" in done.out
    done = run_cli(
        "convert", tmp_path / "all.json", "-o", tmp_path / "geo", "--to", "geojson", "--suffix", ".geojson.gz"
    )
    assert done.code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "geo").iterdir()) == ["a.geojson.gz", "b.geojson.gz"]


def test_a_bad_file_is_one_line_and_exit_code_1(source: Path, tmp_path: Path) -> None:
    (source / "labels" / "c.tif").write_bytes(b"II*\0")
    done = run_cli("convert", source / "labels", "-o", tmp_path / "o", "--to", "aperio")
    assert done.code == 1
    assert len(done.errors) == 1
    assert str(source / "labels" / "c.tif") in done.errors[0]
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["a.xml", "b.xml"]


def test_options_are_named_as_options(source: Path, tmp_path: Path) -> None:
    words = ("convert", source / "labels", "-o", tmp_path / "o", "--to", "geojson")
    assert run_cli(*words).code == 0
    assert "give --overwrite" in run_cli(*words).errors[0]
    assert run_cli(*words, "--overwrite").code == 0
    GEOJSON.write(Annotation(field(0)[1]), tmp_path / "a.geojson")
    done = run_cli("convert", tmp_path / "a.geojson", "-o", tmp_path / "p", "--to", "labels")
    assert "does not say how large the image is, which labels needs: give --images" in done.errors[0]
    done = run_cli(
        "convert", tmp_path / "a.geojson", "-o", tmp_path / "p", "--to", "labels", "--images", source / "images"
    )
    assert done.code == 0, done.output
    assert (
        "--to nowhere" in run_cli(*words[:-1], "nowhere").output or "nowhere" in run_cli(*words[:-1], "nowhere").output
    )


def test_all_formats_are_listed_and_explained() -> None:
    listed = run_cli("formats")
    assert listed.code == 0
    for name in annotation_formats:
        assert name in listed.out
        explained = run_cli("formats", name)
        assert explained.code == 0
        assert "kept: " in explained.out or not annotation_formats[name].kept
    assert "crowds" in run_cli("formats", "coco").out
    assert run_cli("formats", "boxes").code == 1
    assert "geoparquet" in run_cli("convert", "--help").out
