"""The same pixels give the same nuclei: arrays, image files of every kind, pyramids, a scanner's file."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

import nuseg
from nuseg.datasets.synthetic import synthetic_field
from nuseg.results.segmentation import Segmentation
from nuseg.segmentation.plan import SegmentOptions, plan_source
from nuseg.segmentation.segmenter import Segmenter
from picture_files import FILES

MPP = 0.25
RESOLUTIONS = [0.2, 0.25, 0.33, 0.4, 0.5, 1.0]
MODELS = ["default", "fast"]
PIXELS = synthetic_field(300, 276, 3, MPP, 5000.0)[0]


@cache
def segmenter(model: str) -> Segmenter:
    return Segmenter.load(model)


@cache
def of_array(model: str, mpp: float) -> Segmentation:
    return segmenter(model)(PIXELS, mpp)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    return {name: write(folder, PIXELS) for name, write in FILES.items()}


def check_same(found: Segmentation, expected: Segmentation) -> None:
    """Tables, outlines and label images, bit by bit."""
    pd.testing.assert_frame_equal(found.nuclei, expected.nuclei, check_exact=True)
    assert len(found.polygons) == len(expected.polygons)
    assert all(map(np.array_equal, found.polygons, expected.polygons))
    assert np.array_equal(found.labels, expected.labels)


def test_the_files_are_what_they_are_called(files: dict[str, Path]) -> None:
    vendors, kinds, levels = {}, {}, {}
    for name, path in files.items():
        with nuseg.open_slide(path) as source:
            vendors[name], kinds[name], levels[name] = source.vendor, source.kind, len(source.levels)
    assert vendors["SVS"] == "aperio"
    assert vendors["OME-TIFF"] == "ome-tiff"
    assert vendors["png"] == "png"
    assert {name for name, kind in kinds.items() if kind == "slide"} == {"pyramid", "pages", "SVS"}
    assert (levels["pyramid"], levels["pages"], levels["SVS"]) == (3, 3, 2)


@pytest.mark.parametrize("mpp", RESOLUTIONS)
@pytest.mark.parametrize("model", MODELS)
def test_every_file_gives_the_nuclei_of_the_array(files: dict[str, Path], model: str, mpp: float) -> None:
    expected = of_array(model, mpp)
    assert len(expected) > 3
    for path in files.values():
        with segmenter(model)(path, mpp) as found:
            assert found.mpp == mpp
            check_same(found, expected)


def test_tissue_is_found_on_the_same_overview(tmp_path: Path) -> None:
    """Larger than the overview, so that a smaller level would serve; it would show, as it is no mean."""
    wide = np.concatenate([np.tile(PIXELS, (1, 5, 1)), np.full((300, 1000, 3), 244, np.uint8)], axis=1)
    model, options = segmenter("fast").model.config, SegmentOptions(MPP, tissue=True)
    plans = []
    for given in (wide, *(write(tmp_path, wide) for write in FILES.values())):
        with nuseg.open_source(given) as source:
            plans.append(plan_source(source, model, options))
    expected = plans[0].overview
    assert expected is not None
    assert expected.factor > 2
    assert 0.2 < expected.tissue.mean() < 0.8
    for plan in plans[1:]:
        assert plan.overview is not None
        assert np.array_equal(plan.overview.thumbnail, expected.thumbnail)
        assert np.array_equal(plan.overview.tissue, expected.tissue)
        assert plan.tiles == plans[0].tiles


GREY = np.repeat(PIXELS[..., 1:2], 3, axis=2)
# Of pixels (h, w, 3) uint8: how the file stores them, and with which tags.
ORIENTED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[:, ::-1],
}
STORED: dict[str, tuple[np.ndarray, np.ndarray, dict[str, object]]] = {
    "16 bits": (PIXELS, PIXELS.astype(np.uint16) * 257, {}),
    "12 bits in 16": (PIXELS, np.rint(PIXELS * (4095 / 255)).astype(np.uint16), {}),
    "an extra sample": (PIXELS, np.dstack([PIXELS, PIXELS[..., 0]]), {"extrasamples": ["unspecified"]}),
    "planes": (PIXELS, np.moveaxis(PIXELS, 2, 0), {"planarconfig": "separate"}),
    "planes in tiles": (PIXELS, np.moveaxis(PIXELS, 2, 0), {"planarconfig": "separate", "tile": (64, 64)}),
    "white is zero": (GREY, 255 - GREY[..., 0], {"photometric": "miniswhite"}),
    "black is zero": (GREY, GREY[..., 0], {"photometric": "minisblack"}),
    **{
        f"orientation {number}": (PIXELS, turned(PIXELS), {"extratags": [(274, "H", 1, number, True)]})
        for number, turned in ORIENTED.items()
    },
    "orientation 6 in tiles": (
        PIXELS, ORIENTED[6](PIXELS), {"extratags": [(274, "H", 1, 6, True)], "tile": (64, 64)}
    ),
}  # fmt: skip


@cache
def of_grey() -> Segmentation:
    return segmenter("fast")(GREY, MPP)


@pytest.mark.parametrize("kind", STORED)
def test_pixels_stored_otherwise_give_the_nuclei_of_upright_8_bits(tmp_path: Path, kind: str) -> None:
    pixels, stored, options = STORED[kind]
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.ascontiguousarray(stored), metadata=None, **{"photometric": "rgb"} | options)
    expected = of_array("fast", MPP) if pixels is PIXELS else of_grey()
    assert len(expected) > 3
    with nuseg.open_slide(path) as source:
        region = source.read(0, 30, 40, 200, 150)
        assert (source.height, source.width) == pixels.shape[:2]
    for read, right in ((nuseg.read_image(path).pixels, pixels), (region, pixels[40:190, 30:230])):
        assert np.array_equal(read, right)
    chosen = segmenter("fast")
    check_same(nuseg.segment(path, MPP, chosen.model, engine=chosen.engine), expected)
