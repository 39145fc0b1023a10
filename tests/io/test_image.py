"""Images of every kind are read right."""

import warnings
from pathlib import Path

import imagecodecs
import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
import tifffile
from image_files import blocks, colours, png_chunk, save

import nuseg
from nuseg.errors import NusegError
from nuseg.io import raster
from nuseg.io.image import Image, write_png
from nuseg.io.opening import read_image

RGB = colours()
GREY = np.ascontiguousarray(RGB[..., 0])
GREY_RGB = np.repeat(GREY[..., None], 3, axis=2)
ALPHA = np.ascontiguousarray(RGB[..., 1])
BITS = GREY > 127
BITS_RGB = np.repeat((BITS * np.uint8(255))[..., None], 3, axis=2)
TABLE = np.random.default_rng(1).integers(0, 256, (256, 3), dtype=np.uint8)


def over_white(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None] / 255
    return np.rint(rgb * share + 255 * (1 - share)).astype(np.uint8)


@pytest.mark.parametrize(
    ("stored", "options", "expected"),
    [
        (RGB, {}, RGB),
        (RGB, {"bigtiff": True}, RGB),
        (RGB, {"byteorder": ">"}, RGB),
        (RGB, {"tile": (16, 16), "compression": "deflate", "predictor": True}, RGB),
        (RGB, {"rowsperstrip": 5, "compression": "lzw"}, RGB),
        (RGB, {"compression": "jpeg2000"}, RGB),
        (RGB.transpose(2, 0, 1), {"planarconfig": "separate", "photometric": "rgb"}, RGB),
        (RGB.astype(np.uint16) * 257, {}, RGB),
        (RGB.astype(np.uint16), {}, RGB),
        ((RGB / 255).astype(np.float32), {"photometric": "rgb"}, RGB),
        (GREY, {}, GREY_RGB),
        (GREY, {"photometric": "miniswhite"}, 255 - GREY_RGB),
        (GREY.astype(np.uint16) * 257, {}, GREY_RGB),
        (BITS, {"photometric": "minisblack"}, BITS_RGB),
        (BITS, {"photometric": "miniswhite"}, 255 - BITS_RGB),
        (GREY, {"photometric": "palette", "colormap": TABLE.T.astype(np.uint16) * 257}, TABLE[GREY]),
        (GREY, {"photometric": "palette", "colormap": TABLE.T.astype(np.uint16)}, TABLE[GREY]),
        (
            np.dstack([RGB, ALPHA]),
            {"photometric": "rgb", "extrasamples": ["unassalpha"]},
            over_white(RGB, ALPHA),
        ),
        (np.dstack([RGB, ALPHA]), {"photometric": "rgb", "extrasamples": ["unspecified"]}, RGB),
    ],
)
def test_tiff(tmp_path: Path, stored: np.ndarray, options: dict, expected: np.ndarray) -> None:
    tifffile.imwrite(tmp_path / "a.tif", stored, **options)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, expected)


@pytest.mark.parametrize("options", [{}, {"tile": (16, 16)}, {"photometric": "minisblack"}])
def test_ome_tiff_with_separate_channels(tmp_path: Path, options: dict) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", RGB.transpose(2, 0, 1), metadata={"axes": "CYX"}, **options)
    np.testing.assert_array_equal(read_image(tmp_path / "a.ome.tif").pixels, RGB)


def test_ome_tiff_stack_gives_its_first_plane(tmp_path: Path) -> None:
    stack = np.stack([colours(seed).transpose(2, 0, 1) for seed in range(4)]).reshape(2, 2, 3, *RGB.shape[:2])
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        stack.transpose(0, 2, 1, 3, 4),
        metadata={"axes": "TCZYX"},
        photometric="minisblack",
    )
    image = read_image(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(image.pixels, RGB)
    assert image.notes == (f"{tmp_path / 'a.ome.tif'}: only the first plane is read, 3 left out",)


def test_pages_and_pyramids_give_the_first_full_picture(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "pyramid.ome.tif") as writer:
        writer.write(RGB, subifds=1, tile=(16, 16))
        writer.write(RGB[::2, ::2], subfiletype=1, tile=(16, 16))
    np.testing.assert_array_equal(read_image(tmp_path / "pyramid.ome.tif").pixels, RGB)
    first, second = (PIL.Image.fromarray(colours(seed)) for seed in (0, 1))
    first.save(tmp_path / "pages.tif", save_all=True, append_images=[second])
    image = read_image(tmp_path / "pages.tif")
    np.testing.assert_array_equal(image.pixels, RGB)
    assert image.notes == (f"{tmp_path / 'pages.tif'}: only the first plane is read, 1 left out",)


def test_tiff_in_ycbcr_jpeg_agrees_with_libtiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, blocks(), photometric="ycbcr", compression="jpeg", subsampling=(2, 2), tile=(16, 16))
    with PIL.Image.open(path) as picture:
        expected = np.asarray(picture.convert("RGB")).astype(int)
    assert np.abs(read_image(path).pixels - expected).max() <= 2


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (np.zeros((5, 8, 9), np.uint8), "5 separate channels"),
        (np.zeros((2, 8, 9), np.uint8), "2 separate channels"),
    ],
)
def test_fluorescence_channels_are_refused(tmp_path: Path, stored: np.ndarray, message: str) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", stored, metadata={"axes": "CYX"}, photometric="minisblack")
    with pytest.raises(NusegError, match=message):
        read_image(tmp_path / "a.ome.tif")


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "A.PNG", "no-suffix"])
def test_lossless_formats_told_by_content(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, RGB, format="BMP" if name.endswith("bmp") else "PNG")
    image = read_image(str(path))
    np.testing.assert_array_equal(image.pixels, RGB)
    assert image.path == path


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_jpeg(tmp_path: Path, options: dict) -> None:
    path = save(tmp_path / "a.jpg", blocks(), quality=95, subsampling=0, **options)
    assert np.abs(read_image(path).pixels.astype(int) - blocks()).max() <= 4


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (GREY, GREY_RGB),
        (BITS, BITS_RGB),
        (np.dstack([GREY, ALPHA]), over_white(GREY_RGB, ALPHA)),
        (np.dstack([RGB, ALPHA]), over_white(RGB, ALPHA)),
    ],
)
def test_png_kinds(tmp_path: Path, stored: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(read_image(save(tmp_path / "a.png", stored)).pixels, expected)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (GREY.astype(np.uint16) * 257, GREY_RGB),
        (RGB.astype(np.uint16) * 257, RGB),
        (RGB.astype(np.uint16), RGB),
        (np.dstack([RGB, ALPHA]).astype(np.uint16) * 257, over_white(RGB, ALPHA)),
    ],
)
def test_16_bit_png(tmp_path: Path, stored: np.ndarray, expected: np.ndarray) -> None:
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(stored))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, expected)


def test_png_palette_with_and_without_transparency(tmp_path: Path) -> None:
    picture = PIL.Image.fromarray(RGB).quantize(16)
    expected = np.array(picture.convert("RGB"))
    picture.save(tmp_path / "opaque.png")
    np.testing.assert_array_equal(read_image(tmp_path / "opaque.png").pixels, expected)
    picture.save(tmp_path / "glass.png", transparency=bytes([0] * 3 + [255] * 13))
    expected[np.asarray(picture) < 3] = 255
    np.testing.assert_array_equal(read_image(tmp_path / "glass.png").pixels, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_agrees_with_pillow(tmp_path: Path, orientation: int) -> None:
    exif = PIL.Image.Exif()
    exif[274] = orientation
    path = save(tmp_path / "a.jpg", blocks(), exif=exif)
    with PIL.Image.open(path) as picture:
        expected = np.asarray(PIL.ImageOps.exif_transpose(picture))
    np.testing.assert_array_equal(read_image(path).pixels, expected)
    tifffile.imwrite(tmp_path / "a.tif", blocks(), extratags=[(274, "H", 1, orientation, True)])
    with PIL.Image.open(tmp_path / "a.tif") as picture:
        picture.load()  # Pillow turns TIFFs upright on loading
        expected = np.asarray(picture)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, expected)


@pytest.mark.parametrize("behind", [False, True])
def test_png_exif_before_and_behind_the_pixels(tmp_path: Path, behind: bool) -> None:
    exif = PIL.Image.Exif()
    exif[274] = 6
    path = save(tmp_path / "a.png", RGB, exif=exif)
    if behind:
        content, chunk = path.read_bytes(), png_chunk(b"eXIf", exif.tobytes()[6:])
        assert chunk in content
        path.write_bytes(content.replace(chunk, b"").replace(png_chunk(b"IEND", b""), chunk + png_chunk(b"IEND", b"")))
    np.testing.assert_array_equal(read_image(path).pixels, np.rot90(RGB, -1))


def test_real_slide_at_full_size(real_data: Path) -> None:
    path = real_data / "slides" / "CMU-1-Small-Region.svs"
    image = read_image(path)
    assert image.pixels.shape == (2967, 2220, 3)
    assert (image.mpp, image.mpp_source) == (0.499, "Aperio MPP")
    # Mostly pale tissue: brighter in red and blue than in green.
    assert image.pixels.mean((0, 1)) == pytest.approx([214, 195, 208], abs=1)


def test_real_images_agree_with_pillow(real_data: Path) -> None:
    for folder in ("tnbc", "dsb2018-stained", "consep-train"):
        path = sorted((real_data / folder / "images").glob("*.png"))[0]
        with PIL.Image.open(path) as picture:
            np.testing.assert_array_equal(read_image(path).pixels, np.asarray(picture.convert("RGB")))


def test_public_name_and_description(tmp_path: Path) -> None:
    image = nuseg.read_image(save(tmp_path / "a.png", RGB, dpi=(101600, 101600)))
    assert isinstance(image, Image)
    assert repr(image) == f"Image(36 x 24 pixels, 0.25 um/px (PNG pHYs), {tmp_path / 'a.png'})"


@pytest.mark.parametrize(
    "array", [RGB, GREY, GREY.astype(np.uint16) * 100, (BITS * 255).astype(np.uint8), RGB[::-1, ::2]]
)
def test_write_png_agrees_with_pillow(tmp_path: Path, array: np.ndarray) -> None:
    write_png(tmp_path / "new" / "a.png", array)
    with PIL.Image.open(tmp_path / "new" / "a.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), array)


@pytest.mark.parametrize("array", [BITS, RGB.astype(np.uint16), RGB[..., :2], RGB.astype(float)])
def test_write_png_refuses_other_arrays(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a PNG needs"):
        write_png(tmp_path / "a.png", array)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_others_left_open_is_no_damage_of_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = raster.JpegImageFile

    def careless(content: object) -> object:
        warnings.warn("unclosed file <other.tif>", ResourceWarning, stacklevel=1)
        return usual(content)

    path = save(tmp_path / "a.jpg", blocks())
    monkeypatch.setitem(raster.RASTER_FORMATS, b"\xff\xd8\xff", careless)
    assert not nuseg.open_slide(path).notes
