"""The area of tissue: square by square as by hand, the same whatever the tiles, the file, and the interruptions."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nuseg
from dark_model import CONFIG as DARK_CONFIG
from dark_model import dark_network
from nuseg.errors import NusegError
from nuseg.io.image import write_png
from nuseg.measure.probability import Calibration
from nuseg.measure.stain import optical_density
from nuseg.model.config import Thresholds
from nuseg.model.store import Model
from nuseg.results.segmentation import Segmentation
from nuseg.segmentation.components import Rules, halo_of
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.region import read_region
from nuseg.segmentation.roi import RegionOfInterest
from nuseg.segmentation.segmenter import Segmenter
from nuseg.segmentation.tiling import plan_tiles
from nuseg.segmentation.tissue_area import tissue_squares
from slide_files import array_slide, save_pyramid, scene

MPP, SIDE = 1.0, 1200  # um/px and px: a scene of more than 1 mm2
DARK = Segmenter(Model(DARK_CONFIG.model_copy(update={"mpp": MPP}), Path("nowhere")), dark_network)
GLASS, PINK, NUCLEUS = (243, 243, 243), (225, 170, 200), (70, 40, 110)


def by_hand(pixels: np.ndarray, side: int, roi: RegionOfInterest, least: float) -> int:
    """One square after the other, over the whole image."""
    total = 0
    for top in range(0, pixels.shape[0], side):
        for left in range(0, pixels.shape[1], side):
            square = pixels[top : top + side, left : left + side]
            high, wide = square.shape[:2]
            repeated = np.pad(square, ((0, side - high), (0, side - wide), (0, 0)), mode="edge")
            mean = np.floor(repeated.mean(axis=(0, 1)) + 0.5).astype(np.uint8)
            dense = optical_density(mean[None, None])[0, 0].mean() >= least
            x, y = np.array([left + wide / 2]), np.array([top + high / 2])
            total += high * wide * int(dense and roi.counts(x, y)[0])
    return total


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 1000),
    shape=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    tile=st.integers(1, 40),
    stride=st.sampled_from([1, 4, 16]),
    mpp=st.sampled_from([0.25, 0.4, 0.5, 1.0, 3.0]),
    region=st.sampled_from([None, "7,3,31,22.5", "0.5,0.5,200,9"]),
)
def test_tiles_count_what_is_counted_by_hand(
    seed: int, shape: tuple[int, int], tile: int, stride: int, mpp: float, region: str | None
) -> None:
    rng = np.random.default_rng(seed)
    pixels = np.maximum(scene(*shape, seed), 150)
    tissue = rng.random((-(-shape[0] // 6), -(-shape[1] // 6))) < 0.7
    roi = RegionOfInterest.of(tissue, 6 * mpp, 6.0, 1.0, None if region is None else read_region(region))
    thresholds = Thresholds(smoothing=0)
    rules, halo = Rules(thresholds, Calibration(), mpp, roi), halo_of(thresholds, mpp)
    total = 0
    for part in plan_tiles(*shape, tile, 0, stride):
        rows, columns = (
            slice(max(core.start - halo, 0), min(core.stop + halo, length))
            for core, length in zip(part.core, shape, strict=True)
        )
        total += tissue_squares(pixels[rows, columns], (rows, columns), part.core, rules, 0.1).total
    assert total == by_hand(pixels, max(1, round(2 / mpp)), roi, 0.1)


def section() -> tuple[np.ndarray, float]:
    """A round section with vessels and glands in it, and nuclei; and the area of its tissue (mm2)."""
    pixels = np.full((SIDE, SIDE, 3), GLASS, np.uint8)
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    inside = (y - 600) ** 2 + (x - 570) ** 2 < 450**2
    for row in range(250, 1000, 90):
        for column in range(250, 1000, 130):
            inside &= (y - row) ** 2 + (x - column) ** 2 >= 20**2  # empty, 40 um wide
    pixels[inside] = PINK
    pixels[inside & (y % 30 < 6) & (x % 30 < 6)] = NUCLEUS
    return pixels, float(inside.sum()) * MPP**2 / 1e6


PIXELS, TRUE_MM2 = section()


def numbers(result: Segmentation) -> tuple[float | None, float, float]:
    return result.info.tissue_mm2, result.nuclei_per_mm2, result.mask_fraction


@pytest.fixture(scope="module")
def of_array() -> Segmentation:
    return DARK(PIXELS, MPP)


def test_glass_between_the_tissue_is_not_counted(of_array: Segmentation) -> None:
    info = of_array.info
    assert info.tissue_mm2 == pytest.approx(TRUE_MM2, rel=0.04)  # the mask leaves out the rim
    assert info.counted_mm2 > 1.08 * TRUE_MM2
    assert info.density_mm2 == info.tissue_mm2
    assert of_array.nuclei_per_mm2 == len(of_array) / info.tissue_mm2
    assert of_array.summary["density_area"] == "tissue"
    assert of_array.summary["tissue_mm2"] == info.tissue_mm2
    assert of_array.summary["tissue_area"] == (
        "squares of 2 um in the tissue mask whose mean colour has an optical density of at least 0.05"
    )


@pytest.mark.parametrize("tile", [100, 333])
def test_tiles_do_not_change_it(of_array: Segmentation, tile: int) -> None:
    assert numbers(DARK(PIXELS, MPP, options=SegmentOptions(tile=tile))) == numbers(of_array)


@pytest.mark.parametrize("kind", ["png", "pyramid", "slide"])
def test_files_do_not_change_it(of_array: Segmentation, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{kind}.tif"
    if kind == "png":
        write_png(path := path.with_suffix(".png"), PIXELS)
    else:
        save_pyramid(path, PIXELS, (1, 2, 4) if kind == "pyramid" else (1,), MPP, compression=None)
    with DARK(path, MPP) as result:
        assert numbers(result) == numbers(of_array)


def test_a_resolution_between_gives_nearly_the_same(of_array: Segmentation) -> None:
    """A grid whose pixels are no whole number of the image's."""
    shrunk = nuseg.Segmenter(Model(DARK_CONFIG.model_copy(update={"mpp": 0.8}), Path("nowhere")), dark_network)
    assert shrunk(PIXELS, MPP).info.tissue_mm2 == pytest.approx(of_array.info.tissue_mm2, rel=0.01)


def test_an_interrupted_run_goes_on_to_the_same_area(of_array: Segmentation, tmp_path: Path) -> None:
    calls: list[int] = []

    def broken(batch: np.ndarray) -> np.ndarray:
        calls.append(1)
        if len(calls) > 12:
            raise NusegError("stop")
        return dark_network(batch)

    options, kept = SegmentOptions(MPP, tile=300), tmp_path / "kept"
    with pytest.raises(NusegError, match="stop"):
        Segmenter(DARK.model, broken)(PIXELS, options=options, checkpoint=kept)
    with DARK(PIXELS, options=options, checkpoint=kept) as result:
        assert numbers(result) == numbers(of_array)


def test_in_a_region_only_its_own_tissue_counts(of_array: Segmentation) -> None:
    halves = [DARK(PIXELS, options=SegmentOptions(MPP, read_region(f"{x},0,600,1200"))) for x in (0, 600)]
    areas = [half.info.tissue_mm2 for half in halves]
    assert None not in areas
    assert sum(areas) == pytest.approx(of_array.info.tissue_mm2, rel=1e-9)
    assert 0.2 < areas[1] < areas[0]
    assert halves[0].info.density_area == "tissue"


def test_what_cannot_be_read_is_no_tissue(of_array: Segmentation) -> None:
    damaged = (512, 512, 1024, 1024)  # a block of the grid that is read
    result = DARK(array_slide(PIXELS, mpp=MPP, damaged=damaged))
    assert result.info.damaged
    lost = sum(width * height for _, _, width, height in result.info.damaged) * MPP**2 / 1e6
    assert result.info.tissue_mm2 < of_array.info.tissue_mm2 - 0.6 * lost


@pytest.mark.parametrize("tint", [(225, 225, 225), (222, 214, 200), (200, 200, 200), (255, 255, 255)])
def test_glass_of_any_tint_is_glass(tint: tuple[int, int, int]) -> None:
    """Tissue on tinted glass absorbs what the glass does, and its own."""
    tinted = np.rint(PIXELS.astype(float) * tint / 243).clip(0, 255).astype(np.uint8)
    assert DARK(tinted, MPP).info.tissue_mm2 == pytest.approx(TRUE_MM2, rel=0.04)  # the mask leaves out the rim


def test_small_images_say_that_all_of_them_counts() -> None:
    small = PIXELS[:500, :500]
    result = DARK(small, MPP)
    assert result.info.tissue_mm2 is None
    assert (result.info.density_area, result.summary["tissue_area"]) == ("image", None)
    assert result.nuclei_per_mm2 == pytest.approx(len(result) / 0.25)
    asked = DARK(small, options=SegmentOptions(MPP, tissue=True))
    assert asked.info.density_area == "tissue"
    assert asked.info.density_mm2 < 0.2
    region = DARK(small, options=SegmentOptions(MPP, read_region("0,0,250,200")))
    assert (region.info.density_area, region.info.density_mm2) == ("region", pytest.approx(0.05))
