"""What is no sound image is refused with a clear message."""

from pathlib import Path

import imagecodecs
import numpy as np
import PIL.Image
import pytest
import tifffile
from image_files import claim_height, colours, png_header, save

from nuseg.annotations.raster import read_raw
from nuseg.errors import NusegError
from nuseg.io.opening import open_slide, read_image

RGB = colours()


def _encoded(folder: Path, kind: str) -> Path:
    path = folder / kind
    if kind.endswith("tif"):
        options: dict = {
            "strips.tif": {"compression": "lzw", "rowsperstrip": 4},
            "tiles.tif": {"compression": "jpeg", "tile": (16, 16)},
            "channels.ome.tif": {"metadata": {"axes": "CYX"}},
        }.get(kind, {})
        tifffile.imwrite(path, RGB.transpose(2, 0, 1) if "channels" in kind else RGB, **options)
    elif kind == "16-bit.png":
        path.write_bytes(imagecodecs.png_encode(RGB.astype(np.uint16) * 257))
    else:
        save(path, RGB, progressive="progressive" in kind)
    return path


@pytest.mark.parametrize(
    "kind",
    [
        "a.png",
        "16-bit.png",
        "a.jpg",
        "progressive.jpg",
        "a.bmp",
        "a.tif",
        "strips.tif",
        "tiles.tif",
        "channels.ome.tif",
    ],
)
def test_a_file_cut_short_is_never_half_decoded(tmp_path: Path, kind: str) -> None:
    path = _encoded(tmp_path, kind)
    whole, content = read_image(path).pixels, path.read_bytes()
    refused = 0
    lengths = range(1, len(content), len(content) // 40)
    for length in lengths:
        path.write_bytes(content[:length])
        try:
            pixels = read_image(path).pixels
        except NusegError:
            refused += 1
        else:
            # Only what lies behind the pixels may be missing.
            np.testing.assert_array_equal(pixels, whole)
    assert refused >= len(lengths) - 1


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA", "I;16"])
def test_a_png_that_lacks_rows_is_refused(tmp_path: Path, mode: str) -> None:
    picture = PIL.Image.fromarray(RGB[..., 0].astype(np.uint16) * 200 if mode == "I;16" else RGB)
    picture.convert(mode).save(tmp_path / "a.png")
    claim_height(tmp_path / "a.png", 2 * len(RGB))
    with pytest.raises(NusegError, match=r"a\.png: damaged or cut short"):
        read_image(tmp_path / "a.png")
    for palette in (False, True):
        with pytest.raises(NusegError, match=r"a\.png: the annotation cannot be read"):
            read_raw(tmp_path / "a.png", palette)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "jpeg", "packbits"])
def test_a_tiff_that_lacks_rows_is_refused(tmp_path: Path, compression: str | None) -> None:
    tifffile.imwrite(tmp_path / "a.tif", RGB, compression=compression)
    with pytest.raises(NusegError, match=r"a\.tif: damaged at x 0, y 0 px .*copy or export it again"):
        read_image(claim_height(tmp_path / "a.tif", 2 * len(RGB)))


def test_a_bmp_that_lacks_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NusegError, match=r"a\.bmp: damaged or cut short"):
        read_image(claim_height(save(tmp_path / "a.bmp", RGB), 2 * len(RGB)))


def test_noise_after_a_signature_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).bytes(2000)
    for signature in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0+"):
        (tmp_path / "a").write_bytes(signature + noise)
        with pytest.raises(NusegError, match="damaged"):
            read_image(tmp_path / "a")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"empty file \(0 bytes\)"),
        (b"hello", "expected a PNG, JPEG, TIFF or BMP image or a slide, found something else"),
        (b"GIF89a" + bytes(200), "a GIF image"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a WebP image"),
        (bytes(128) + b"DICM", "a DICOM file"),
        (b"%PDF-1.7", "a PDF document"),
    ],
)
def test_what_is_no_image_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(NusegError, match=message):
        read_image(tmp_path / "a.png")


def test_missing_folder_and_forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NusegError, match=r"missing\.png: no such file"):
        read_image(tmp_path / "missing.png")
    with pytest.raises(NusegError, match="a folder, expected an image file"):
        read_image(tmp_path)
    path = save(tmp_path / "a.png", RGB)

    def forbid(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbid)
    with pytest.raises(NusegError, match=r"a\.png: cannot be opened \(Permission denied\)"):
        read_image(path)


def test_animations_and_print_colours_are_refused(tmp_path: Path) -> None:
    first, second = (PIL.Image.fromarray(colours(seed)) for seed in (0, 1))
    first.save(tmp_path / "a.png", save_all=True, append_images=[second])
    with pytest.raises(NusegError, match="animated PNG"):
        read_image(tmp_path / "a.png")
    for name in ("a.jpg", "a.tif"):
        first.convert("CMYK").save(tmp_path / name)
        with pytest.raises(NusegError, match=r"convert .* to RGB"):
            read_image(tmp_path / name)


def test_a_huge_image_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    message = r"100000 x 100000 pixels \(10,000 megapixels\).*limit of 1,000 megapixels"
    with pytest.raises(NusegError, match=message):
        read_image(png_header(tmp_path / "a.png", 100_000, 100_000))
    path = tmp_path / "a.tif"
    blank = iter([b""] * 25**2)  # blocks that take no space in the file
    kind = {"dtype": np.uint8, "tile": (4000, 4000), "photometric": "rgb", "compression": "zlib"}
    tifffile.imwrite(path, blank, shape=(100_000, 100_000, 3), **kind)
    with open_slide(path) as slide:
        assert (slide.read(0, 99_990, 50_000, 10, 10) == 255).all()
    with pytest.raises(NusegError, match=message):
        read_image(path)


def test_a_tiff_that_claims_a_huge_size_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((8, 8, 3), np.uint8))
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        for name in ("ImageWidth", "ImageLength"):
            tiff.pages.first.tags[name].overwrite(100_000, dtype="I")
    with pytest.raises(NusegError, match=r"a\.tif: cut short, blocks of pixels are missing"):
        read_image(path)


def test_an_image_without_pixels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NusegError):
        read_image(png_header(tmp_path / "a.png", 0, 10))


@pytest.mark.parametrize("suffix", [".mrxs", ".ndpi", ".svs", ".dcm"])
def test_slides_are_named_as_such(tmp_path: Path, suffix: str) -> None:
    # An MRXS file is a thumbnail in JPEG, which must not pass for the slide.
    path = save(tmp_path / f"slide{suffix}", RGB, format="JPEG")
    with pytest.raises(
        NusegError, match=rf"slide{suffix}: damaged or incomplete, OpenSlide does not know it as a slide \({suffix}\)"
    ):
        read_image(path)
