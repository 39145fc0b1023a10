"""`nuseg prepare` of annotations that are not what they seem: right, or one line that names the cause."""

import gzip
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Result, check_one_error, run_cli

from annotated import field, write_source
from disguises import grid, indexed, save
from nuseg.io.image import write_png

LABELS = grid(20)
MASK = LABELS > 0
NAMES = ("a", "b", "c")


def prepare(folder: Path, name: str, content: Any, *words: object) -> Result:
    """Run `nuseg prepare` on three images with the same annotation, stored under the suffix of `name`."""
    noise = np.random.default_rng(0).integers(-20, 20, (*LABELS.shape, 3))
    for index, image in enumerate(NAMES):
        pixels = np.array([225, 170, 205]) + np.roll(noise, index, axis=0) - 110 * MASK[..., None]
        write_png(folder / "s" / "images" / f"{image}.png", pixels.clip(0, 255).astype(np.uint8))
        save(folder / "s" / "labels" / f"{image}{Path(name).suffix}", content)
    return run_cli("prepare", folder / "s", "-o", folder / "set", "--mpp", 0.75, *words)


def nuclei(folder: Path) -> list[int]:
    return [item["nuclei"] for item in json.loads((folder / "set" / "dataset.json").read_text())["items"]]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.png", indexed(MASK, (255, 255, 255), (200, 0, 0)), "format: binary, because a.png has one value"),
        ("a.tif", indexed(MASK, (255, 255, 255), (0, 0, 0)), "format: binary"),
        ("a.tif", np.stack([k == LABELS for k in range(1, 21)]), "20 pages with a nucleus each: a, b, c"),
        ("a.png", (~MASK * 255).astype(np.uint8), "format: inverted, because a.png has dark pieces"),
        ("a.tif", LABELS.astype(np.float32), "format: labels, because a.tif has 20 different labels"),
    ],
    ids=["indexed PNG", "indexed TIFF", "pages", "inverted", "float"],
)
def test_nuclei_are_nuclei(tmp_path: Path, name: str, content: Any, says: str) -> None:
    result = prepare(tmp_path, name, content)
    assert result.code == 0, result.output
    assert says in result.out
    assert "probably wrong" not in result.out
    assert nuclei(tmp_path) == [20, 20, 20]


def test_classes_are_said_and_parted_on_request(tmp_path: Path) -> None:
    classes = np.where(MASK, 1 + LABELS % 2, 0).astype(np.uint8)
    result = prepare(tmp_path, "a.png", classes)
    assert result.code == 1
    assert "3 files cannot be used" in result.err
    assert result.err.count("these are classes") == 3
    assert "--format classes" in result.err
    assert "resolution" not in result.output
    result = prepare(tmp_path, "a.png", classes, "--format", "classes")
    assert result.code == 0, result.output
    assert nuclei(tmp_path) == [20, 20, 20]


def test_clipped_numbers_are_said(tmp_path: Path) -> None:
    clipped = np.minimum(grid(300, columns=20), 255).astype(np.uint8)
    write_png(tmp_path / "s/images/a.png", field(0, *clipped.shape)[0])
    save(tmp_path / "s/labels/a.png", clipped)
    result = run_cli("prepare", tmp_path / "s", "-o", tmp_path / "set", "--split", "0,0,1")
    check_one_error(
        result, tmp_path / "s/labels/a.png", "the number 255 lies on 46 separate pieces", "clipped to 8 bits"
    )


def bomb(path: Path, side: int) -> None:
    """Write a PNG of `side` x `side` black pixels, packed to a thousandth."""
    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(bytes(side + 1)) for _ in range(side)) + rows.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", packed), (b"IEND", b"")]
    content = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


@pytest.mark.parametrize("given", ["auto", "labels", "binary"])
def test_a_label_that_unpacks_to_far_more_than_its_image(tmp_path: Path, given: str) -> None:
    write_source(tmp_path / "s", ["a"])
    (tmp_path / "s/labels/a.tif").unlink()
    bomb(tmp_path / "s/labels/a.png", 7000)
    result = run_cli("prepare", tmp_path / "s", "-o", tmp_path / "set", "--format", given, "--split", "0,0,1")
    check_one_error(result, tmp_path / "s/labels/a.png", "claims 7,000 x 7,000 px", "the image has 56 x 48")


def test_nuclei_reach_every_split_where_there_are_enough(tmp_path: Path) -> None:
    names = [f"p{k}" for k in range(9)]
    source = write_source(tmp_path / "s", names)
    for name in names[3:]:
        save(source / "labels" / f"{name}.tif", np.zeros((48, 56), np.uint8))
    for seed in range(4):
        words = ["-o", tmp_path / f"set{seed}", "--seed", seed, "--mpp", 0.5]
        result = run_cli("prepare", source, *words)
        assert "split without any nucleus" not in result.out
        record = json.loads((tmp_path / f"set{seed}/dataset.json").read_text())
        assert [split["nuclei"] for split in record["counts"]["splits"].values()] == [3, 3, 3]
    save(source / "labels" / "p2.tif", np.zeros((48, 56), np.uint8))
    result = run_cli("prepare", source, "-o", tmp_path / "few", "--mpp", 0.5)
    assert result.code == 0
    assert "warning: split without any nucleus (2 groups of 9 with nuclei)" in result.out
    assert "give fewer splits with --split: test" in result.out
    rows = [f"{name},{'validation' if name > 'p3' else 'train'}" for name in names]
    (tmp_path / "t.csv").write_text("name,part\n" + "\n".join(rows))
    words = ["--table", tmp_path / "t.csv", "--split-column", "part", "--mpp", 0.5]
    result = run_cli("prepare", source, "-o", tmp_path / "given", *words)
    assert "split without any nucleus (2 groups of 9 with nuclei)" in result.out
    assert "--split: validation" in result.out


@pytest.mark.parametrize("count", [1, 2])
def test_the_advice_on_too_few_images_works(tmp_path: Path, count: int) -> None:
    source = write_source(tmp_path / "s", ["a", "b"][:count])
    result = run_cli("prepare", source, "-o", tmp_path / "set", "--mpp", 0.5)
    check_one_error(result, f"need at least 3 groups, found {count}", "--split 0,0,1")
    advised = [word.split()[0] for word in result.err.split("--split ")[1:]]
    assert advised == (["0,0,1"] if count == 1 else ["0.8,0.2,0", "0,0,1"])
    for split in advised:
        result = run_cli("prepare", source, "-o", tmp_path / split, "--mpp", 0.5, "--split", split)
        assert result.code == 0, result.output


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    source = write_source(tmp_path / "s", ["a", "b", "c"])
    (source / "images/scan.xlsx").write_bytes(b"x")
    (source / "labels/notes.txt").write_text("x")
    (source / "labels/.hidden").write_text("x")
    (source / "images/gone.png").symlink_to("nowhere.png")
    result = run_cli("prepare", source, "-o", tmp_path / "set", "--mpp", 0.5)
    assert "note: neither image nor annotation, left out: gone.png, scan.xlsx, notes.txt" in result.out


def test_a_packed_bomb_of_polygons(tmp_path: Path) -> None:
    source = write_source(tmp_path / "s", ["a"])
    (source / "labels/a.tif").unlink()
    (source / "labels/a.geojson.gz").write_bytes(gzip.compress(b'{"type": "FeatureCollection"' + b" " * 40_000_000))
    result = run_cli("prepare", source, "-o", tmp_path / "set", "--mpp", 0.5, "--split", "0,0,1")
    check_one_error(result, source / "labels/a.geojson.gz", "unpacks to more than 16 MB")
