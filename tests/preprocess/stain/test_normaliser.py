"""Whole images and slides: fitted once on their tissue, whatever file they come from."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from nuseg.errors import NusegError
from nuseg.io.image import Image, write_png
from nuseg.io.opening import open_source
from nuseg.preprocess.stain import normaliser, sampling
from nuseg.preprocess.stain.normaliser import choose_target, fit_stain, normalise_stain, plan_normaliser
from nuseg.preprocess.stain.registry import stain_methods
from nuseg.preprocess.stain.sampling import sample_source
from slide_files import ArrayReader, array_slide, save_pyramid
from stained import OTHER, USUAL, degrees, field

GLASS = (236.0, 229.0, 238.0)
METHODS = ("macenko", "vahadane", "reinhard")


def slide_of(side: int, tissue: tuple[slice, slice], vectors: np.ndarray = OTHER) -> np.ndarray:
    """Glass with a square of tissue of known stains."""
    pixels = np.full((side, side, 3), np.array(GLASS, np.uint8))
    height, width = (part.stop - part.start for part in tissue)
    pixels[tissue] = field(height, width, vectors, GLASS, glass=0.05)
    return pixels


def test_glass_and_stains_of_a_field_are_found() -> None:
    found = fit_stain(field(300, 400, OTHER, GLASS), mpp=0.25)
    assert found.white == pytest.approx(GLASS, abs=1)
    assert max(degrees(found.vectors[k], OTHER[k]) for k in (0, 1)) < 2


def test_a_field_without_glass_is_against_white() -> None:
    assert fit_stain(field(300, 400, OTHER, glass=0)).white == (255, 255, 255)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_pixels_have_the_same_stain(tmp_path: Path, method: str) -> None:
    pixels = field(400, 520, OTHER, GLASS)
    write_png(tmp_path / "a.png", pixels)
    pyramid = save_pyramid(tmp_path / "a.tif", pixels, compression="zlib")
    fits = [fit_stain(each, method, 0.25) for each in (pixels, tmp_path / "a.png", pyramid, Image(pixels, 0.5))]
    assert len(set(map(str, fits))) == 1


def test_a_slide_is_fitted_on_its_tissue() -> None:
    """However much glass there is, and whatever is on the slide beside the tissue, such as pen."""
    pixels = slide_of(1600, np.s_[200:900, 300:1100])
    pixels[1200:1500] = (20, 90, 30)  # green pen
    found = fit_stain(array_slide(pixels, mpp=1.0))
    assert found.white == pytest.approx(GLASS, abs=1)
    assert max(degrees(found.vectors[k], OTHER[k]) for k in (0, 1)) < 3


def test_little_is_read_of_a_large_slide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "SQUARES", 5)
    monkeypatch.setattr(sampling, "PIXELS", 10_000)
    reader = ArrayReader(slide_of(2600, np.s_[200:2400, 300:2400]), (1, 4, 16), mpp=0.5)
    source = array_slide(np.zeros((1, 1, 3), np.uint8))
    source = type(source)(Path("slide"), reader)
    read = reader.read
    squares: list[int] = []

    def counted(level: int, x: int, y: int, width: int, height: int) -> np.ndarray:
        if width == height == sampling.SQUARE:
            squares.append(level)
        return read(level, x, y, width, height)

    monkeypatch.setattr(reader, "read", counted)
    sample = sample_source(source)
    assert squares == [0] * 5
    assert len(sample.stained) == 10_000


def test_damaged_parts_of_a_slide_are_left_out() -> None:
    pixels = slide_of(1600, np.s_[200:900, 300:1100])
    whole = fit_stain(array_slide(pixels, mpp=1.0))
    part = fit_stain(array_slide(pixels, mpp=1.0, damaged=(300, 200, 560, 500)))
    assert not part.blank
    assert max(degrees(part.vectors[k], whole.vectors[k]) for k in (0, 1)) < 3
    with pytest.raises(NusegError, match="damaged"):
        fit_stain(array_slide(pixels[:900, :900], kind="image", damaged=(300, 200, 560, 500)))


BLANK = {
    "white": np.full((90, 80, 3), 255, np.uint8),
    "glass": np.full((90, 80, 3), np.array(GLASS, np.uint8)),
    "noisy glass": np.random.default_rng(0).integers(228, 240, (90, 80, 3)).astype(np.uint8),
    "faint": np.tile(np.array([[[250, 225, 240], [244, 240, 248]]], np.uint8), (90, 40, 1)),
    "one pixel": np.full((1, 1, 3), 255, np.uint8),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pixels", BLANK.values(), ids=BLANK)
def test_a_blank_image_stays_as_it_is(method: str, pixels: np.ndarray) -> None:
    plan = plan_normaliser(pixels, method)
    assert plan.found.blank
    assert np.array_equal(plan(pixels), pixels)
    assert all(part.shape == pixels.shape for part in plan.separate(pixels))
    with pytest.raises(NusegError, match="expected stained tissue"):
        choose_target(method, pixels)


@pytest.mark.parametrize("method", METHODS)
def test_glass_becomes_white_and_tissue_like_the_target(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.setattr(normaliser, "PART", 1000)  # in many parts
    good = field(200, 220, OTHER)
    done = normalise_stain(field(200, 220, USUAL, GLASS), method, good)
    assert done.pixels.shape == good.shape
    assert (done.pixels[:, 160:] == 255).all()
    assert np.abs(done.pixels[:, :140].mean(axis=(0, 1)) - good[:, :140].mean(axis=(0, 1))).max() < 6


def test_an_image_keeps_its_resolution(tmp_path: Path) -> None:
    path = save_pyramid(tmp_path / "a.tif", field(200, 220, OTHER), mpp=0.4)
    assert normalise_stain(path).mpp == pytest.approx(0.4)
    given = normalise_stain(path, mpp=0.5)
    assert (given.mpp, given.mpp_source) == (0.5, "given")


def test_separated_stains_make_the_image() -> None:
    pixels = field(100, 120, OTHER, glass=0.1)
    plan = plan_normaliser(pixels)
    both = np.prod([part / 255 for part in plan.separate(pixels)], axis=0) * 255
    assert np.abs(both - pixels).max() < 4
    haematoxylin, _ = plan.separate(pixels)
    strongest = cv2.minMaxLoc(haematoxylin[..., 0])[0]
    assert strongest < 100


def test_a_reference_is_an_image_or_a_fit(tmp_path: Path) -> None:
    pixels = field(100, 120, OTHER)
    write_png(tmp_path / "good.png", pixels)
    fit_stain(pixels, "vahadane").save(tmp_path / "good.json")
    with open_source(pixels) as source:
        targets = [
            choose_target("vahadane", each)
            for each in (
                pixels,
                tmp_path / "good.png",
                str(tmp_path / "good.json"),
                source,
                fit_stain(pixels, "vahadane"),
            )
        ]
        assert source.read_whole().shape == pixels.shape
    assert len(set(map(str, targets))) == 1
    with pytest.raises(NusegError, match=r"good\.json: fitted by vahadane, expected macenko"):
        choose_target("macenko", tmp_path / "good.json")
    with pytest.raises(NusegError, match="stain method sepia: expected one of macenko"):
        choose_target("sepia")


def test_a_method_from_elsewhere() -> None:
    from dataclasses import replace

    stain_methods.register(replace(stain_methods["macenko"], name="mine"))
    try:
        with pytest.raises(NusegError, match="stain method mine: comes without a target"):
            normalise_stain(field(60, 60), "mine")
        reference = fit_stain(field(60, 60, OTHER), "macenko").model_copy(update={"method": "mine"})
        assert normalise_stain(field(60, 60), "mine", reference).pixels.shape == (60, 60, 3)
    finally:
        stain_methods.unregister("mine")
