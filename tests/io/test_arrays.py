"""Pixels that a program holds: Pillow's pictures of every mode, arrays that are computed when they are read, others."""

from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import nuseg
from dark_model import CONFIG, dark_network
from hard_files import field
from nuseg.errors import NusegError
from nuseg.io.opening import open_source
from nuseg.model.store import Model

PIXELS = field()
GREY = PIXELS.mean(axis=2).astype(np.uint8)


def read(given: Any) -> np.ndarray:
    with open_source(given) as source:
        return source.read_whole()


class Computed:
    """An array as dask's: it has a shape and a type, and gives parts that are computed on demand."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels, self.shape, self.dtype = pixels, pixels.shape, pixels.dtype
        self.parts: list[tuple[slice, ...]] = []

    def __getitem__(self, where: tuple[slice, ...]) -> "Computed":
        self.parts.append(where)
        return Computed(self.pixels[where])

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.pixels


class Broken(Computed):
    """One whose parts cannot be fetched."""

    def __getitem__(self, where: tuple[slice, ...]) -> "Computed":
        raise KeyError("chunk 0.0")


@pytest.mark.parametrize("mode", ["RGB", "RGBX", "RGBA", "P"])
def test_pillow_pictures_in_colour(mode: str) -> None:
    picture = PIL.Image.fromarray(PIXELS).convert(mode)
    expected = np.asarray(picture.convert("RGB"))
    assert np.array_equal(read(picture), expected)
    assert np.abs(expected.astype(int) - PIXELS).mean() < (30 if mode == "P" else 1)


@pytest.mark.parametrize("mode", ["YCbCr", "HSV"])
def test_pillow_pictures_in_other_colours_are_brought_to_rgb(mode: str) -> None:
    assert np.abs(read(PIL.Image.fromarray(PIXELS).convert(mode)).astype(int) - PIXELS).mean() < 6


def test_pillow_pictures_in_grey() -> None:
    expected = np.repeat(GREY[..., None], 3, axis=2)
    for picture in (
        PIL.Image.fromarray(GREY),
        PIL.Image.fromarray(GREY).convert("LA"),
        PIL.Image.fromarray(GREY.astype(np.uint16) * 257),
        PIL.Image.fromarray(GREY.astype(np.int32)),
        PIL.Image.fromarray(GREY.astype(np.float32)),
    ):
        assert np.array_equal(read(picture), expected), picture.mode
    dark = PIL.Image.fromarray(GREY < 128)
    assert dark.mode == "1"
    assert np.array_equal(read(dark), np.repeat(((GREY < 128) * np.uint8(255))[..., None], 3, axis=2))


def test_transparency_is_laid_over_white() -> None:
    alpha = np.full(GREY.shape, 255, np.uint8)
    alpha[:40] = 0
    expected = np.where(alpha[..., None] == 0, 255, PIXELS).astype(np.uint8)
    picture = PIL.Image.fromarray(np.dstack([PIXELS, alpha]))
    assert np.array_equal(read(picture), expected)
    assert np.array_equal(read(picture.convert("RGBa")), expected)
    table = PIL.Image.fromarray((GREY > 128).astype(np.uint8), "P")
    table.putpalette([10, 20, 30, 200, 210, 220])
    table.info["transparency"] = 0
    read_table = read(table)
    assert (read_table[GREY > 128] == (200, 210, 220)).all()
    assert (read_table[GREY <= 128] == 255).all()


@pytest.mark.parametrize("mode", ["CMYK", "LAB"])
def test_print_colours_are_refused(mode: str) -> None:
    picture = PIL.Image.new(mode, (20, 10))
    with pytest.raises(NusegError, match=f"^image: a Pillow picture of mode {mode}, expected grey, palette or RGB"):
        read(picture)


def test_a_pillow_picture_of_a_damaged_file_is_refused(tmp_path: Path) -> None:
    PIL.Image.fromarray(PIXELS).save(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[: len(content) // 2])
    with PIL.Image.open(tmp_path / "a.jpg") as picture, pytest.raises(NusegError, match="cannot be decoded"):
        read(picture)


def test_an_array_that_is_computed_is_read_part_by_part() -> None:
    array = Computed(PIXELS)
    with open_source(array) as source:
        assert (source.width, source.height, source.kind) == (150, 130, "image")
        assert np.array_equal(source.read(0, 10, 20, 30, 40), PIXELS[20:60, 10:40])
    assert array.parts == [(slice(20, 60), slice(10, 40))]
    model = nuseg.Segmenter(Model(CONFIG, Path("nowhere")), dark_network)
    assert model(array, 0.5).nuclei.equals(model(PIXELS, 0.5).nuclei)
    for other in (GREY, np.dstack([PIXELS, np.full_like(GREY, 200)]), PIXELS.astype(np.uint16), PIXELS / 255):
        assert np.array_equal(read(Computed(other)), read(other)), other.dtype


def test_an_array_whose_parts_cannot_be_fetched() -> None:
    with open_source(Broken(PIXELS)) as source, pytest.raises(NusegError, match=r"the array cannot be read .*chunk 0"):
        source.read_whole()


def test_arrays_of_zarr(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr", reason="zarr is not installed")
    array = zarr.create_array(str(tmp_path / "a.zarr"), shape=PIXELS.shape, dtype="uint8", chunks=(64, 64, 3))
    array[:] = PIXELS
    assert np.array_equal(read(array), PIXELS)
    with pytest.raises(NusegError, match=r"^image: expected a path, an array of pixels"):
        read(zarr.open_group(str(tmp_path / "group.zarr"), mode="w"))


@pytest.mark.parametrize(
    "given",
    [None, 5, object(), b"pixels", [[1, 2], [3]], [["a", "b"]], {"image": PIXELS}, open_source, np.array("text")],
    ids=lambda given: type(given).__name__,
)
def test_what_is_no_picture_is_refused_in_one_line(given: Any) -> None:
    with pytest.raises(NusegError, match=r"^image: ") as refused:
        read(given)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


def test_channels_in_front_are_refused() -> None:
    for given in (PIXELS.transpose(2, 0, 1), Computed(np.ascontiguousarray(PIXELS.transpose(2, 0, 1)))):
        with pytest.raises(NusegError, match="pixels of shape 3 x 130 x 150, expected height x width"):
            read(given)
