"""Files whose header lies: one line each, soon, and in little memory; and the pictures that only look like them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tifffile

from hostile_files import HOSTILE_FILES, half_a_block, jpeg, picture
from nuseg.errors import NusegError
from nuseg.io.opening import open_source, read_image
from slide_files import save_ome, save_pyramid

SOURCE, TESTS = (Path(__file__).resolve().parents[2] / name for name in ("src", "tests"))
MEMORY_KIB = 400_000
# As annotations, colours do not matter, and JPEG in TIFF is decoded as it is.
NO_ANNOTATIONS = [name for name in HOSTILE_FILES if not any(word in name for word in ("half", "SVS", "palette"))]
# Reads files one after the other, in a process whose memory is bounded where the system can, and says what it took.
READ_ALL = """
import json, sys
from processes import peak_kib
from nuseg.annotations.raster import read_raw
from nuseg.errors import NusegError
from nuseg.io.opening import open_source
if sys.platform == "linux":
    import resource
    resource.setrlimit(resource.RLIMIT_DATA, (10**9, 10**9))
def said(read, path):
    try:
        read(path)
    except NusegError as error:
        return str(error)
def whole(path):
    with open_source(path) as source:
        source.read_whole()
paths = sys.argv[1:]
print(json.dumps([[said(whole, path) for path in paths], [said(read_raw, path) for path in paths], peak_kib()]))
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, str], int]:
    """What reading each file as an image and as an annotation says, and the memory (KiB) that it took."""
    paths = [tmp_path_factory.mktemp("hostile") / hostile.name for hostile in HOSTILE_FILES.values()]
    for path, hostile in zip(paths, HOSTILE_FILES.values(), strict=True):
        hostile.write(path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (SOURCE, TESTS))), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, *map(str, paths)], capture_output=True, text=True, env=environment, check=True
    )
    images, labels, peak = json.loads(done.stdout)
    names = {str(path): name for path, name in zip(paths, HOSTILE_FILES, strict=True)}
    assert all(line is None or line.startswith(path) for path, line in zip(names, images, strict=True))
    shortened = [dict(zip(HOSTILE_FILES, lines, strict=True)) for lines in (images, labels)]
    return shortened[0], shortened[1], peak


@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_one_line_says_what_is_wrong(outcome: tuple[dict[str, str], dict[str, str], int], name: str) -> None:
    line = outcome[0][name]
    assert line is not None, "read without a word"
    assert HOSTILE_FILES[name].refused in line
    assert "\n" not in line
    assert len(line) < 600


@pytest.mark.parametrize("name", NO_ANNOTATIONS)
def test_the_same_file_is_no_annotation(outcome: tuple[dict[str, str], dict[str, str], int], name: str) -> None:
    line = outcome[1][name]
    assert line is not None, "read without a word"
    assert re.search("cannot be read|unknown annotation format|damaged|cut short|claims", line)
    assert "\n" not in line


def test_little_memory_is_taken(outcome: tuple[dict[str, str], dict[str, str], int]) -> None:
    assert outcome[2] < MEMORY_KIB


def test_a_grey_lower_end_is_none_that_is_missing(tmp_path: Path) -> None:
    pixels = picture()
    pixels[-64:] = 128
    PIL.Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=95)
    tifffile.imwrite(tmp_path / "a.tif", pixels, compression="jpeg", photometric="rgb", tile=(64, 64))
    for name in ("a.jpg", "a.tif"):
        read = read_image(tmp_path / name).pixels
        assert (read[-48:] == 128).all()
        assert np.abs(read.astype(int) - pixels).mean() < 10


def test_a_jpeg_with_a_second_one_behind_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg() + jpeg())  # as cameras keep a preview
    assert read_image(tmp_path / "a.jpg").pixels.shape == (256, 256, 3)


def test_a_blank_image_is_small_and_honest(tmp_path: Path) -> None:
    blank = np.full((1024, 1024, 3), 255, np.uint8)
    for name, options in {"a.png": {}, "a.jpg": {"quality": 50}, "b.jpg": {"progressive": True}}.items():
        PIL.Image.fromarray(blank).save(tmp_path / name, **options)
    for compression in ("zlib", "lzw", "jpeg", "zstd", "lzma", "jpeg2000", "webp", "jpegxl", "packbits"):
        tifffile.imwrite(tmp_path / f"{compression}.tif", blank, compression=compression, tile=(512, 512))
    for path in tmp_path.iterdir():
        assert (read_image(path).pixels == 255).all(), path.name


def test_a_damaged_tile_of_a_slide_is_damaged_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    half_a_block(compression="zlib", tile=(64, 64))(path)
    with open_source(path) as source:
        assert np.array_equal(source.read(0, 0, 0, 64, 64), picture()[:64, :64])
        with pytest.raises(NusegError, match=r"damaged at x 192, y 192 px .*block 15 cannot be decoded"):
            source.read(0, 192, 192, 64, 64)


@pytest.mark.parametrize("back_to", [0, 1])
def test_pages_without_end_are_refused(tmp_path: Path, back_to: int) -> None:
    path = save_pyramid(tmp_path / "a.tif", picture(), (1, 2), compression="zlib")
    with tifffile.TiffFile(path) as tiff:
        places = [page.offset for page in tiff.pages]
        after = places[1] + 8 + 20 * len(tiff.pages[1].tags)
    content = bytearray(path.read_bytes())
    content[after : after + 8] = places[back_to].to_bytes(8, "little")
    path.write_bytes(content)
    with pytest.raises(NusegError, match=r"a\.tif: damaged, its list of pictures leads back to itself"):
        read_image(path)


def test_levels_below_a_picture_that_are_linked_too_are_no_loop(tmp_path: Path) -> None:
    path = save_ome(tmp_path / "a.ome.tif", picture(), levels=3)
    with open_source(path) as source:
        assert len(source.levels) == 3


def test_a_picture_below_itself_is_read_once(tmp_path: Path) -> None:
    path = save_ome(tmp_path / "a.ome.tif", picture(), levels=2)
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages.first.tags["SubIFDs"].overwrite(tiff.pages.first.offset, dtype="I")
    assert np.array_equal(read_image(path).pixels, picture())
