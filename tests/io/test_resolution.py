"""The resolution is found where files keep it, checked, and never guessed in silence."""

import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import colours, save

from nuseg.errors import NusegError
from nuseg.io.image import Image
from nuseg.io.opening import read_image
from nuseg.io.resolution import DEFAULT_MPP, MAX_MPP, MIN_MPP, PixelSize, check_mpp, judge, resolve_mpp


def tiff(folder: Path, name: str = "a.tif", **options: object) -> Image:
    tifffile.imwrite(folder / name, colours(), **options)
    return read_image(folder / name)


def ome(folder: Path, **metadata: object) -> Image:
    return tiff(folder, "a.ome.tif", metadata=metadata)


@pytest.mark.parametrize(
    ("options", "mpp", "source"),
    [
        ({"resolution": (40000, 40000), "resolutionunit": "centimeter"}, 0.25, "TIFF XResolution"),
        ({"resolution": (50800, 50800), "resolutionunit": "inch"}, 0.5, "TIFF XResolution"),
        (
            {"imagej": True, "resolution": (4, 4), "metadata": {"unit": "um"}},
            0.25,
            "ImageJ resolution in um",
        ),
        (
            {"imagej": True, "resolution": (2, 2), "metadata": {"unit": "micron"}},
            0.5,
            "ImageJ resolution in micron",
        ),
        (
            {"imagej": True, "resolution": (4, 4), "metadata": {"unit": "\\u00B5m"}},
            0.25,
            "ImageJ resolution in µm",
        ),
        ({"description": "Aperio Image Library|AppMag = 20|MPP = 0.4990|Left = 25.6"}, 0.499, "Aperio MPP"),
    ],
)
def test_tiff_dialects(tmp_path: Path, options: dict, mpp: float, source: str) -> None:
    image = tiff(tmp_path, **options)
    assert image.mpp == pytest.approx(mpp, rel=1e-6)
    assert image.mpp_source == source
    assert image.mpp_problem is None


@pytest.mark.parametrize(
    "metadata",
    [
        {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25},
        {"PhysicalSizeX": 0.25},
        {"PhysicalSizeX": 250, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.25, "PhysicalSizeYUnit": "µm"},
        {"PhysicalSizeX": 0.00025, "PhysicalSizeXUnit": "mm"},
    ],
)
def test_ome(tmp_path: Path, metadata: dict) -> None:
    image = ome(tmp_path, **metadata)
    assert image.mpp == pytest.approx(0.25)
    assert image.mpp_source == "OME-XML PhysicalSize"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"resolution": (72, 72), "resolutionunit": "inch"},
        {"resolution": (300, 300), "resolutionunit": "inch"},
        {"resolution": (4, 4), "resolutionunit": "none"},
        {"imagej": True, "resolution": (4, 4)},
        {"imagej": True, "resolution": (72, 72), "metadata": {"unit": "inch"}},
        {"resolution": ((0, 1), (0, 1)), "resolutionunit": "centimeter"},
    ],
)
def test_meaningless_tiff_values_count_as_none(tmp_path: Path, options: dict) -> None:
    image = tiff(tmp_path, **options)
    assert (image.mpp, image.mpp_source, image.mpp_problem) == (None, None, None)


@pytest.mark.parametrize("unit", ["pixel", "reference frame"])
def test_ome_without_a_physical_unit_counts_as_none(tmp_path: Path, unit: str) -> None:
    image = ome(tmp_path, PhysicalSizeX=1.0, PhysicalSizeXUnit=unit)
    assert (image.mpp, image.mpp_problem) == (None, None)


def test_png_jpeg_and_bmp(tmp_path: Path) -> None:
    for name, source in (("a.png", "PNG pHYs"), ("a.bmp", "BMP pixels per metre")):
        image = read_image(save(tmp_path / name, colours(), dpi=(101600, 101600)))
        assert (image.mpp, image.mpp_source) == (pytest.approx(0.25, rel=1e-4), source)
    for name in ("b.png", "b.jpg", "b.bmp"):
        assert read_image(save(tmp_path / name, colours(), dpi=(96, 96))).mpp is None
    assert read_image(save(tmp_path / "c.png", colours())).mpp is None


def test_implausible_microscope_metadata_are_refused_unless_the_user_knows_better(tmp_path: Path) -> None:
    image = ome(tmp_path, PhysicalSizeX=1000.0, PhysicalSizeY=1000.0)
    assert image.mpp is None
    with pytest.raises(NusegError, match=r"a\.ome\.tif: OME-XML PhysicalSize: resolution of 1000 um/px.*mpp="):
        resolve_mpp(image, None)
    assert resolve_mpp(image, 0.5).mpp == 0.5


def test_implausible_imagej_value_is_refused(tmp_path: Path) -> None:
    image = tiff(tmp_path, imagej=True, resolution=(0.01, 0.01), metadata={"unit": "micron"})
    with pytest.raises(NusegError, match="ImageJ resolution in micron: resolution of 100 um/px"):
        resolve_mpp(image, None)


def test_pixels_that_are_not_square_are_refused(tmp_path: Path) -> None:
    image = ome(tmp_path, PhysicalSizeX=0.25, PhysicalSizeY=0.5)
    with pytest.raises(NusegError, match=r"0\.25 x 0\.5 um, expected square"):
        resolve_mpp(image, None)
    assert ome(tmp_path, PhysicalSizeX=0.25, PhysicalSizeY=0.26).mpp == pytest.approx(0.255)


def test_the_user_wins_then_the_file_then_the_default() -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    known = Image(pixels, 0.5, "PNG pHYs", Path("a.png"))
    assert resolve_mpp(known, 0.25).source == "given by the user"
    assert (resolve_mpp(known, None).mpp, resolve_mpp(known, None).source) == (0.5, "PNG pHYs")
    settled = resolve_mpp(Image(pixels, path=Path("b.png")), None)
    assert (settled.mpp, settled.source) == (DEFAULT_MPP, "default")
    assert re.fullmatch(r"b\.png: no resolution in the file, 0\.25 .*assumed.*mpp=", settled.note)
    assert resolve_mpp(known, None).note == resolve_mpp(known, 0.5).note == ""


@pytest.mark.parametrize(("mpp", "said"), [(0.524, False), (0.476, False), (0.525, True), (0.475, True), (0.25, True)])
def test_a_resolution_that_contradicts_the_file_is_said_from_5_percent(mpp: float, said: bool) -> None:
    known = Image(np.zeros((2, 2, 3), np.uint8), 0.5, "PNG pHYs", Path("a.png"))
    note = resolve_mpp(known, mpp).note
    assert bool(note) is said
    if mpp == 0.25:
        assert note == (
            "a.png: the file states 0.5 um/px (PNG pHYs), but mpp= says 0.25, which was taken: lengths are 0.5 times "
            "and areas 0.25 times those by the file"
        )


@settings(deadline=None, max_examples=50)
@given(st.floats())
def test_exactly_the_plausible_values_pass(mpp: float) -> None:
    if MIN_MPP <= mpp <= MAX_MPP:
        assert check_mpp(mpp, "x") == mpp
    else:
        with pytest.raises(NusegError, match=r"expected 0\.1 to 2"):
            check_mpp(mpp, "x")


@pytest.mark.parametrize("mpp", ["0.25", None, True])
def test_what_is_not_a_number_is_refused(mpp: object) -> None:
    with pytest.raises(NusegError, match="mpp="):
        check_mpp(mpp, "x")  # type: ignore[arg-type]


@settings(deadline=None, max_examples=50)
@given(st.floats(), st.floats(), st.booleans())
def test_a_file_is_believed_or_not_but_never_both(x: float, y: float, printing: bool) -> None:
    resolution, problem = judge(PixelSize(x, y, "field", printing), Path("a.tif"))
    assert resolution is None or problem is None
    if resolution is not None:
        assert min(x, y) <= resolution.mpp <= max(x, y)
