"""Slides of every kind give the pixels that were put into them."""

import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nuseg.errors import NusegError
from nuseg.io.image import write_png
from nuseg.io.opening import is_slide, open_slide, read_image
from slide_files import array_slide, save_ome, save_pyramid, scene

PIXELS = scene(300, 421)


def test_pyramid(tmp_path: Path) -> None:
    with open_slide(save_pyramid(tmp_path / "a.tif", PIXELS)) as slide:
        assert (slide.width, slide.height, slide.vendor) == (421, 300, "tiff")
        assert [level.downsample for level in slide.levels] == pytest.approx([1, 2, 4], rel=0.01)
        assert (slide.mpp, slide.mpp_problem) == (pytest.approx(0.25), None)
        difference = slide.read(0, 0, 0, 421, 300).astype(int) - PIXELS
        assert np.abs(difference).mean() < 4  # JPEG
        half = slide.read(1, 10, 20, 50, 30).astype(int)
        assert np.abs(half - PIXELS[40:100:2, 20:120:2]).mean() < 15


@pytest.mark.parametrize("axes", ["YXS", "SYX", "CYX"])
def test_ome_tiff(tmp_path: Path, axes: str) -> None:
    with open_slide(save_ome(tmp_path / "a.ome.tif", PIXELS, axes=axes)) as slide:
        assert slide.vendor == "ome-tiff"
        assert (slide.mpp, slide.mpp_source) == (0.5, "OME-XML PhysicalSize")
        assert [(level.width, level.height, level.downsample) for level in slide.levels] == [
            (421, 300, 1),
            (211, 150, 2),
        ]
        assert np.array_equal(slide.read(0, 30, 40, 200, 150), PIXELS[40:190, 30:230])
        assert np.array_equal(slide.read(1, 3, 4, 20, 15), PIXELS[8:38:2, 6:46:2])


@pytest.mark.parametrize("kind", [{"compression": "lzw"}, {"compression": None}, {"rowsperstrip": 7}])
def test_plain_tiff_in_strips(tmp_path: Path, kind: dict[str, object]) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS, photometric="rgb", **kind)
    with open_slide(path) as slide:
        assert slide.vendor == "tiff"
        assert np.array_equal(slide.read(0, 100, 31, 250, 200), PIXELS[31:231, 100:350])


def test_grey_and_palette(tmp_path: Path) -> None:
    grey, coloured = tmp_path / "grey.tif", tmp_path / "palette.tif"
    tifffile.imwrite(grey, PIXELS[..., 0], photometric="minisblack", rowsperstrip=16)
    table = np.random.default_rng(0).integers(0, 65536, (3, 256), np.uint16)
    tifffile.imwrite(coloured, PIXELS[..., 0], photometric="palette", colormap=table, rowsperstrip=16)
    for path in (grey, coloured):
        with open_slide(path) as slide:
            assert np.array_equal(slide.read(0, 0, 0, 421, 300), read_image(path).pixels)


def test_outside_is_white() -> None:
    slide = array_slide(PIXELS)
    read = slide.read(0, -5, 290, 20, 30)
    assert np.array_equal(read[:10, 5:], PIXELS[290:, :15])
    assert (read[10:] == 255).all()
    assert (read[:, :5] == 255).all()
    assert (slide.read(0, 500, 0, 4, 4) == 255).all()


def test_transparent_is_white(tmp_path: Path) -> None:
    """Tiles that were never written are blank."""
    path = save_pyramid(tmp_path / "a.tif", PIXELS, (1, 2))
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        counts = list(tiff.pages[0].tags["TileByteCounts"].value)
        counts[0] = 0
        tiff.pages[0].tags["TileByteCounts"].overwrite(counts)
    with open_slide(path) as slide:
        read = slide.read(0, 0, 0, 128, 64)
        assert (read[:, :64] == 255).all()
        assert not (read[:, 64:] == 255).all()


def test_bounds_are_the_slide() -> None:
    slide = array_slide(PIXELS, downsamples=(1, 2), bounds=(20, 40, 200, 100))
    assert (slide.width, slide.height, slide.origin) == (200, 100, (20, 40))
    assert [(level.width, level.height) for level in slide.levels] == [(200, 100), (100, 50)]
    assert np.array_equal(slide.read(0, 0, 0, 10, 10), PIXELS[40:50, 20:30])
    assert np.array_equal(slide.read(1, 5, 0, 10, 10), PIXELS[40:60:2, 30:50:2])
    assert (slide.read(0, 195, 0, 10, 10)[:, 5:] == 255).all()


@pytest.mark.parametrize("kind", ["pages", "ome"])
def test_damaged_region_is_named_and_the_rest_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.tif"
    if kind == "pages":
        save_pyramid(path, PIXELS, (1, 2))
    else:
        save_ome(path, PIXELS)
    with tifffile.TiffFile(path) as tiff:
        place, size = tiff.pages[0].dataoffsets[1], tiff.pages[0].databytecounts[1]
    with path.open("r+b") as file:
        file.seek(place)
        file.write(bytes(size))
    with open_slide(path) as slide:
        whole = slide.read(0, 128, 0, 64, 64)
        with pytest.raises(NusegError, match=r"a\.tif: damaged at x 70, y 5 px \(level 0, 20 x 10 px\)"):
            slide.read(0, 70, 5, 20, 10)
        assert np.array_equal(slide.read(0, 128, 0, 64, 64), whole)
        assert not slide.overview(50)[1].any()  # level 1 is sound


def test_overview_of_a_damaged_level_comes_from_a_finer_one() -> None:
    slide = array_slide(PIXELS, damaged=(0, 0, 10, 10))
    pixels, unreadable = slide.overview(100)
    assert unreadable.all()
    assert (pixels == 255).all()
    fine = array_slide(PIXELS).thumbnail(60)
    assert fine.shape == (43, 60, 3)
    assert np.abs(fine.mean((0, 1)) - PIXELS.mean((0, 1))).max() < 2


def test_cut_short(tmp_path: Path) -> None:
    for path in (save_pyramid(tmp_path / "a.tif", PIXELS), save_ome(tmp_path / "b.tif", PIXELS)):
        path.write_bytes(path.read_bytes()[:3000])
        with pytest.raises(NusegError, match=path.name):
            open_slide(path)


@pytest.mark.parametrize(("mpp", "stated"), [(None, None), (25400 / 72, None), (0.4, 0.4)])
def test_resolution_of_a_plain_tiff(tmp_path: Path, mpp: float | None, stated: float | None) -> None:
    with open_slide(save_pyramid(tmp_path / "a.tif", PIXELS, mpp=mpp)) as slide:
        assert slide.mpp == (stated and pytest.approx(stated))
        assert slide.mpp_problem is None
        assert slide.resolution(0.3).mpp == 0.3
        if stated is None:
            settled = slide.resolution()
            assert settled.mpp == 0.25
            assert re.search(r"a\.tif: .* 0\.25 um/px \(40x\) assumed", settled.note)
        else:
            assert slide.resolution().note == ""


def test_resolution_by_the_objective_is_said() -> None:
    slide = array_slide(PIXELS, mpp=None)
    slide.objective = 20.0
    settled = slide.resolution()
    assert (settled.mpp, settled.source) == (0.5, "20x objective")
    assert "0.5 um/px assumed, usual for its 20x objective" in settled.note
    given = slide.resolution(0.3)
    assert given.source == "given by the user"
    assert "0.5 um/px is usual for its 20x objective, but mpp= says 0.3, which was taken" in given.note
    assert slide.resolution(0.45).note == "", "scanners differ"
    odd = array_slide(PIXELS, mpp=25.0)
    with pytest.raises(NusegError, match="25 um/px"):
        odd.resolution()


def test_what_is_a_slide(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", PIXELS)
    save_pyramid(tmp_path / "flat.tif", PIXELS, (1,))
    save_pyramid(tmp_path / "pyramid.tif", PIXELS)
    save_ome(tmp_path / "ome.tif", PIXELS)
    (tmp_path / "a.ndpi").touch()
    found = {path.name for path in tmp_path.iterdir() if is_slide(path)}
    assert found == {"pyramid.tif", "ome.tif", "a.ndpi"}


def test_what_is_no_slide(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", PIXELS)
    with open_slide(tmp_path / "a.png") as source:
        assert source.kind == "image"
        assert np.array_equal(source.read(0, 5, 6, 70, 80), PIXELS[6:86, 5:75])
    with pytest.raises(NusegError, match=r"missing\.svs: no such file"):
        open_slide(tmp_path / "missing.svs")
    (tmp_path / "text.svs").write_text("no slide")
    with pytest.raises(NusegError, match=r"text\.svs: damaged or incomplete"):
        open_slide(tmp_path / "text.svs")
    tifffile.imwrite(tmp_path / "deep.tif", PIXELS.astype(np.uint16) * 257, photometric="rgb")
    with open_slide(tmp_path / "deep.tif") as source:
        assert np.array_equal(source.read(0, 5, 6, 70, 80), PIXELS[6:86, 5:75])


def test_pickle(tmp_path: Path) -> None:
    with open_slide(save_ome(tmp_path / "a.tif", PIXELS)) as slide, pickle.loads(pickle.dumps(slide)) as again:
        assert np.array_equal(again.read(0, 0, 0, 9, 9), slide.read(0, 0, 0, 9, 9))


def test_real_slide(real_data: Path) -> None:
    path = real_data / "slides" / "CMU-1-Small-Region.svs"
    with open_slide(path) as slide:
        assert slide.notes == ()
        assert slide.resolution().note == ""
        assert (slide.vendor, slide.objective, slide.resolution().mpp) == ("aperio", 20, 0.499)
        assert slide.associated == ("label", "macro", "thumbnail")
        assert np.array_equal(slide.read(0, 0, 0, slide.width, slide.height), read_image(path).pixels)
        assert slide.thumbnail(500).shape == (500, 374, 3)
