"""Where nothing could be read, and where there is nothing to look at: errors and notes, never a count of 0 alone."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from dark_model import CONFIG, dark_network
from hard_files import field
from nuseg.errors import NusegError
from nuseg.io.opening import open_slide
from nuseg.results.segmentation import Segmentation
from nuseg.segmentation.pipeline import segment_source
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.region import read_region
from slide_files import array_slide, save_pyramid

WHITE = np.full((600, 1100, 3), 245, np.uint8)


def tissue_slide(**damage: tuple[int, int, int, int]) -> object:
    pixels = WHITE.copy()
    pixels[100:500, 100:500] = (200, 120, 180)
    return array_slide(pixels, mpp=1.0, **damage)


def segment(source: object, options: SegmentOptions) -> Segmentation:
    return segment_source(source, CONFIG, dark_network, options)  # type: ignore[arg-type]


@pytest.mark.parametrize("mpp", [0.25, 0.2, 0.5])
@pytest.mark.parametrize("tile", [128, 2048])
@pytest.mark.parametrize("tissue", [True, False])
def test_a_slide_of_which_nothing_could_be_read(mpp: float, tile: int, tissue: bool) -> None:
    slide = array_slide(WHITE, damaged=(0, 0, 1100, 600))
    with pytest.raises(NusegError, match="slide: damaged, nothing of it could be read where nuclei are looked for"):
        segment(slide, SegmentOptions(mpp, tissue=tissue, tile=tile))


def test_a_slide_of_which_one_part_could_be_read() -> None:
    slide = array_slide(WHITE, damaged=(0, 0, 1000, 600))  # the last blocks begin at x 1024
    result = segment(slide, SegmentOptions(tissue=False))
    assert len(result) == 0
    (note,) = result.notes
    assert note.startswith("slide: 4 damaged part(s) of the file taken as blank, the first at x 0, y 0")


def test_a_region_of_which_nothing_could_be_read() -> None:
    slide = array_slide(WHITE, damaged=(0, 0, 512, 600))
    region = read_region("0,0,300,500")
    with pytest.raises(NusegError, match="nothing of it could be read where nuclei are looked for"):
        segment(slide, SegmentOptions(region=region, tissue=False, tile=256))


@pytest.mark.parametrize("kind", ["image", "slide"])
@pytest.mark.parametrize("given", ["1100,0,50,50", "-60,-60,50,50", "0,600,1100,9", "9e6,9e6,5,5", "5000,100,100,100"])
def test_a_region_beside_the_source(kind: str, given: str) -> None:
    with pytest.raises(NusegError, match=r"the region lies beside the image of 1100 x 600 px"):
        segment(array_slide(WHITE, kind=kind), SegmentOptions(region=read_region(given), tissue=False))


def test_a_region_that_reaches_far_beyond_the_source_counts_within_it() -> None:
    pixels = WHITE.copy()
    pixels[40:60, 40:60] = 20
    result = segment(array_slide(pixels), SegmentOptions(region=read_region("-9e6,-9e6,18e6,18e6"), tissue=False))
    assert len(result) == 1


def test_a_region_without_tissue_is_an_error() -> None:
    region = read_region("700,300,200,200")
    with pytest.raises(NusegError, match="no tissue was found in the region, so there is nothing to look at"):
        segment(tissue_slide(), SegmentOptions(region=region, tissue=True))
    assert len(segment(tissue_slide(), SegmentOptions(region=region, tissue=False))) == 0


def test_a_slide_without_tissue_says_so() -> None:
    result = segment(array_slide(WHITE, mpp=1.0), SegmentOptions(tissue=True))
    (note,) = result.notes
    assert note.startswith("slide: no tissue was found, nothing was looked at")


@pytest.mark.parametrize("compression", ["zlib", "jpeg", "webp"])
def test_a_file_whose_blocks_are_noise(tmp_path: Path, compression: str) -> None:
    path = save_pyramid(tmp_path / "a.tif", field(), (1, 2), compression=compression)
    with tifffile.TiffFile(path) as tiff:
        places = [pair for page in tiff.pages for pair in zip(page.dataoffsets, page.databytecounts, strict=True)]
    content = bytearray(path.read_bytes())
    for offset, count in places:
        content[offset : offset + count] = bytes([7]) * count
    path.write_bytes(content)
    with open_slide(path) as slide, pytest.raises(NusegError, match=r"a\.tif: damaged, nothing of it could be read"):
        segment(slide, SegmentOptions())
