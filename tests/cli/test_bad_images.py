"""`nuseg segment` with images and folders that cannot be used: one clear line each, and the others are done."""

import json
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import PIL.Image
import pytest
import tifffile
from command_line import Result, check_one_error, check_usage_error, run_cli
from damage import cut

from nuseg.io.image import write_png
from nuseg.io.opening import read_image
from nuseg.results.records import MARKER

pytestmark = pytest.mark.usefixtures("nothing_half_written")

OUTPUTS = {"mask": "png", "labels": "tiff", "geojson": "geojson", "csv": "csv", "parquet": "parquet", "overlay": "png"}


def tissue() -> np.ndarray:
    """White (40, 50, 3) with two dark squares, which the dark model finds."""
    pixels = np.full((40, 50, 3), 255, np.uint8)
    pixels[5:15, 5:15] = pixels[20:35, 20:40] = 30
    return pixels


def noise() -> np.ndarray:
    """(64, 64, 3) that hardly compresses: half of its file is half of its pixels."""
    return np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def png(width: int, height: int) -> Callable[[Path], object]:
    """A PNG whose header is changed to claim another size; the checksum of the header is right."""

    def write(path: Path) -> None:
        header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        write_png(path, tissue())
        rest = path.read_bytes()[33:]
        path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + header + struct.pack(">I", zlib.crc32(header)) + rest)

    return write


def content(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def tiff(pixels: np.ndarray, **options: Any) -> Callable[[Path], object]:
    return lambda path: tifffile.imwrite(path, pixels, **options)


def cut_picture(path: Path) -> None:
    PIL.Image.fromarray(noise()).save(path)
    cut(path.name)(path.parent)


def huge_tiff(path: Path) -> None:
    tifffile.imwrite(path, tissue())
    with tifffile.TiffFile(path, mode="r+") as file:
        for name in ("ImageWidth", "ImageLength"):
            file.pages.first.tags[name].overwrite(100_000, dtype="I")


BAD: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "empty": ("bad.png", content(b""), "an empty file (0 bytes)"),
    "text": ("bad.png", content(b"This is a text.\n"), "expected a PNG, JPEG, TIFF or BMP image"),
    "signature and noise": ("bad.png", content(b"\x89PNG\r\n\x1a\n" + noise().tobytes()), "damaged or cut short"),
    "GIF named PNG": ("bad.png", content(b"GIF89a" + bytes(200)), "a GIF image"),
    "PDF named TIFF": ("bad.tif", content(b"%PDF-1.7" + bytes(200)), "a PDF document"),
    "slide": ("bad.ndpi", content(b"II*\0" + bytes(200)), "holds no picture, expected a TIFF image"),
    "cut PNG": ("bad.png", cut_picture, "damaged or cut short"),
    "cut JPEG": ("bad.jpg", cut_picture, "damaged or cut short"),
    "cut BMP": ("bad.bmp", cut_picture, "damaged or cut short"),
    "cut TIFF": ("bad.tif", cut_picture, "cut short"),
    "no width": ("bad.png", png(0, 40), "damaged or cut short"),
    "huge PNG": ("bad.png", png(100_000, 100_000), "10,000 megapixels"),
    "huge TIFF": ("bad.tif", huge_tiff, "cut short, blocks of pixels are missing"),
    "NaN": ("bad.tif", tiff(np.full((20, 20), np.nan, np.float32)), "NaN or infinite"),
    "infinite": ("bad.tif", tiff(np.full((20, 20), np.inf, np.float32)), "NaN or infinite"),
    "floats of any range": ("bad.tif", tiff(np.linspace(-5, 900, 400, dtype=np.float32).reshape(20, 20)), "rescale"),
    "negative": ("bad.tif", tiff(np.full((20, 20), -3, np.int16)), "from -3 to -3"),
    "32 bits": ("bad.tif", tiff(np.full((20, 20), 10**6, np.int32)), "from 1000000 to 1000000"),
    "complex": ("bad.tif", tiff(np.full((20, 20), 1j, np.complex64)), "complex64"),
    "CMYK": ("bad.jpg", lambda path: PIL.Image.fromarray(tissue()).convert("CMYK").save(path), "CMYK"),
    "fluorescence": (
        "bad.tif",
        tiff(np.zeros((20, 20, 5), np.uint8), photometric="minisblack", planarconfig="contig"),
        "5 separate channels",
    ),
    "0.01 um/px": (
        "bad.tif",
        tiff(tissue(), imagej=True, resolution=(100, 100), metadata={"unit": "um"}),
        "resolution of 0.01 um/px",
    ),
    "25 um/px": (
        "bad.ome.tif",
        tiff(tissue(), metadata={"axes": "YXS", "PhysicalSizeX": 25.0, "PhysicalSizeY": 25.0}),
        "resolution of 25 um/px",
    ),
    "oblong pixels": (
        "bad.ome.tif",
        tiff(tissue(), metadata={"axes": "YXS", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5}),
        "expected square ones",
    ),
}


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "images" / "good.png"
    write_png(path, tissue())
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def segment(out: Path, model_folder: Path) -> Callable[..., Result]:
    def run(*words: object) -> Result:
        return run_cli("segment", "-o", out, "--model", model_folder, "--threads", 1, *words)

    return run


def rows(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "summary.csv", keep_default_na=False).set_index("name")


REPORT = ("report.csv", "report.html", "report_groups.csv")


def files(out: Path) -> list[str]:
    return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file() and MARKER not in path.parts)


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_image_is_named_and_the_good_one_is_done(
    segment: Callable[..., Result], good: Path, out: Path, kind: str
) -> None:
    name, write, message = BAD[kind]
    bad = good.with_name(name)
    write(bad)
    result = segment(bad, good, "--output", "mask,csv")
    check_one_error(result, bad, message)
    assert "1 image failed" in result.out
    assert files(out) == ["csv/good.csv", "mask/good.png", *REPORT, "summary.csv"]
    table = rows(out)
    assert table["nuclei"].to_dict() == {name.rsplit(".", 1)[0]: "", "good": "2"}
    assert table.loc[name.rsplit(".", 1)[0], "error"].replace("mpp=", "--mpp") == result.errors[0]


def test_a_folder_of_many_bad_images_and_its_second_run(segment: Callable[..., Result], good: Path, out: Path) -> None:
    kinds = ["empty", "cut PNG", "NaN", "CMYK", "huge TIFF"]
    for number, kind in enumerate(kinds):
        name, write, _ = BAD[kind]
        write(good.with_name(f"{number}{name}"))
    write_png(good.with_name("z.png"), tissue())
    first = segment(good.parent, "--mpp", 0.25, "--output", "csv")
    assert first.code == 1
    assert len(first.errors) == len(first.err.splitlines()) == len(kinds)
    assert all(f"{number}bad" in line for number, line in enumerate(first.errors))
    assert "2 images: 4 nuclei" in first.out
    assert "5 images failed" in first.out
    assert files(out) == ["csv/good.csv", "csv/z.csv", *REPORT, "summary.csv"]

    for path in good.parent.glob("*bad*"):
        path.unlink()
        write_png(path.with_suffix(".png"), tissue())
    second = segment(good.parent, "--mpp", 0.25, "--output", "csv")
    assert (second.code, second.err) == (0, "")
    assert "2 images done before" in second.out
    assert set(rows(out)["error"]) == {""}


@pytest.mark.parametrize("value", [0, 255], ids=["black", "white"])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2), (70, 90)], ids=str)
def test_blank_and_tiny_images_are_no_errors(
    segment: Callable[..., Result], tmp_path: Path, out: Path, value: int, size: tuple[int, int]
) -> None:
    path = tmp_path / "plain.png"
    write_png(path, np.full((*size, 3), value, np.uint8))
    result = segment(path, "--mpp", 0.25, "--output", ",".join(OUTPUTS))
    assert (result.code, result.err) == (0, "")
    paths = {output: out / output / f"plain.{suffix}" for output, suffix in OUTPUTS.items()}
    count = int(rows(out)["nuclei"].item())
    assert count <= (value == 0)
    labels = tifffile.imread(paths["labels"])
    assert labels.shape == size
    assert labels.max() == count
    np.testing.assert_array_equal(cv2.imread(str(paths["mask"]), cv2.IMREAD_UNCHANGED), (labels > 0) * 255)
    assert read_image(paths["overlay"]).pixels.shape == (*size, 3)
    assert len(pd.read_csv(paths["csv"])) == len(pd.read_parquet(paths["parquet"])) == count
    assert len(json.loads(paths["geojson"].read_text())["features"]) == count


def test_what_is_not_there_is_named_and_the_good_one_is_done(
    segment: Callable[..., Result], good: Path, out: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    missing = [tmp_path / "none.png", tmp_path / "*.none", empty]
    result = segment(missing[0], good, *missing[1:], "--mpp", 0.25, "--output", "csv")
    assert result.code == 1
    assert len(result.errors) == len(result.err.splitlines()) == 3
    for line, path in zip(result.errors, missing, strict=True):
        assert line.startswith(f"{path}: ")
    assert files(out) == ["csv/good.csv", *REPORT, "summary.csv"]


@pytest.mark.parametrize("given", ["none.png", "none/*.png", ".", "images/good.png/below.png"])
def test_nothing_to_segment(segment: Callable[..., Result], good: Path, out: Path, tmp_path: Path, given: str) -> None:
    check_one_error(segment(tmp_path / given), tmp_path / given)
    assert not out.exists()


def test_output_folder_that_is_a_file(good: Path, model_folder: Path) -> None:
    before = good.read_bytes()
    for out in (good, good / "below", good / "far" / "below"):
        check_one_error(run_cli("segment", good, "-o", out, "--model", model_folder), out, "is a file")
    assert good.read_bytes() == before


@pytest.mark.skipif(sys.platform != "linux", reason="a folder in which root cannot write: /proc")
def test_output_folder_that_nobody_may_make(good: Path, model_folder: Path) -> None:
    result = run_cli("segment", good, "-o", "/proc/nuseg", "--model", model_folder)
    check_one_error(result, "/proc/nuseg", "cannot be written")


def test_file_in_the_place_of_one_kind_of_results(segment: Callable[..., Result], good: Path, out: Path) -> None:
    out.mkdir()
    (out / "csv").write_text("mine")
    check_one_error(segment(good, "--mpp", 0.25, "--output", "mask,csv"), out / "csv", "is a file")
    assert (out / "csv").read_text() == "mine"
    assert rows(out).loc["good", "error"] != ""


def test_folder_in_the_place_of_one_result(segment: Callable[..., Result], good: Path, out: Path) -> None:
    write_png(good.with_name("other.png"), tissue())
    (out / "mask" / "good.png").mkdir(parents=True)
    result = segment(good.parent, "--mpp", 0.25, "--output", "mask")
    check_one_error(result, out / "mask" / "good.png", "a folder has this name")
    assert files(out) == ["mask/other.png", *REPORT, "summary.csv"]


@pytest.mark.parametrize("before", [b"", b"my,own\n1,2\n", bytes(range(256))], ids=["empty", "table", "bytes"])
def test_a_foreign_summary_is_kept(segment: Callable[..., Result], good: Path, out: Path, before: bytes) -> None:
    out.mkdir()
    (out / "summary.csv").write_bytes(before)
    check_one_error(segment(good), out / "summary.csv", "choose another output folder")
    assert (out / "summary.csv").read_bytes() == before


@pytest.mark.parametrize("value", ["0", "-0.25", "9", "nan", "inf"])
def test_implausible_mpp(segment: Callable[..., Result], good: Path, out: Path, value: str) -> None:
    check_one_error(segment(good, f"--mpp={value}"), "--mpp", "expected 0.1 to 2 um/px")
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--mpp", "x"], "--mpp"),
        (["--tile", "3"], "--tile"),
        (["--threads", "0"], "--threads"),
        (["--device", "tpu"], "'tpu' is not one of"),
        (["--mmp", "0.25"], "No such option: --mmp"),
    ],
)
def test_usage_errors(segment: Callable[..., Result], good: Path, out: Path, words: list[str], message: str) -> None:
    check_usage_error(segment(good, *words), message)
    assert not out.exists()


def test_a_region_counts_in_images_too(segment: Callable[..., Result], good: Path, out: Path) -> None:
    assert segment(good, "--mpp", 0.25, "--output", "csv,tissue", "--region", "0,0,18,18").code == 0
    table = pd.read_csv(out / "csv" / "good.csv")
    assert table[["x_px", "y_px"]].to_numpy().tolist() == [[10, 10]]
    # The pixels that the border runs through are part of the mask, but not of the area.
    assert (read_image(out / "tissue" / "good.png").pixels[..., 0] == 255).sum() == 19 * 19
    assert float(rows(out).loc["good", "area_mm2"]) == pytest.approx(18 * 18 * 0.25**2 / 1e6, abs=5e-7)


@pytest.mark.parametrize("region", ["50,0,10,10", "0,40,50,5", "900,900,8,8"])
def test_a_region_beside_the_image_is_an_error(
    segment: Callable[..., Result], good: Path, out: Path, region: str
) -> None:
    result = segment(good, "--mpp", 0.25, "--region", region)
    check_one_error(result, good, "the region lies beside the image of 50 x 40 px", "px of level 0")
    assert files(out) == [*REPORT, "summary.csv"]


def test_unknown_output(segment: Callable[..., Result], good: Path, out: Path) -> None:
    check_one_error(segment(good, "--output", "mask,masks"), "found masks")
    assert not out.exists()
