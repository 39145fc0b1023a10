"""Slides tile by tile: the nuclei of the untiled slide, bit by bit, whatever the tiles, the threads, the accidents."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuseg.infer import instances, slides
from nuseg.infer.instances import FULL_MAP, quantise, separate
from nuseg.infer.nuclei_batch import NucleiBatch
from nuseg.infer.segment import Segmenter
from nuseg.infer.slide_plan import SlideOptions
from nuseg.infer.slides import segment_slide
from nuseg.measure.nuclei import COLUMNS, measure_nuclei
from nuseg.measure.outline import outlines
from nuseg.model.config import Architecture, ModelConfig, Thresholds
from nuseg.model.store import Model
from slide_files import array_slide

MARGIN = 5
CONFIG = ModelConfig(
    name="moved",
    architecture=Architecture(),
    mpp=0.5,
    margin=MARGIN,
    stride=4,
    thresholds=Thresholds(mask=0.5, marker=0.6, smoothing=1.0, min_area_um2=1.0, min_probability=0.3),
)
HERE = Path(__file__).resolve()


def moved(batch: np.ndarray) -> np.ndarray:
    """A network that looks `MARGIN` px down and to the left: the first two channels there are the maps."""
    maps = np.zeros((len(batch), 2, *batch.shape[1:3]), np.float32)
    maps[:, :, :-MARGIN, MARGIN:] = batch[:, MARGIN:, :-MARGIN, :2].transpose(0, 3, 1, 2) / np.float32(255)
    return maps


def blobs(seed: int, shape: tuple[int, int], cover: float = 0.25) -> np.ndarray:
    """Pixels that `moved` turns into blobs of all sizes: from single nuclei to pieces across the whole slide."""
    rng = np.random.default_rng(seed)
    fields = cv2.GaussianBlur(rng.normal(size=(*shape, 3)), (0, 0), rng.uniform(1.5, 4)).reshape(*shape, 3)
    low, high = np.quantile(fields, [0.01, 0.99])
    values = (fields - low) / max(high - low, 1e-9)
    values[..., 0] += 0.5 - np.quantile(values[..., 0], 1 - cover)
    return (np.clip(values, 0, 1) * 255).astype(np.uint8)


def untiled(pixels: np.ndarray) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """What the functions for images find, sorted as slides are."""
    maps = moved(pixels[None])[0]
    labels = separate(maps, CONFIG.thresholds, CONFIG.mpp)
    polygons = outlines(labels)
    table = measure_nuclei(labels, pixels, quantise(maps)[0] / np.float32(FULL_MAP), CONFIG.mpp, polygons)
    places = np.unique(labels, return_index=True)[1][-len(polygons) :] if polygons else np.zeros(0, int)
    y, x = np.divmod(places, labels.shape[1])
    order = np.lexsort((x, y, x // slides.PAGE, y // slides.PAGE))
    table = table.iloc[order].reset_index(drop=True)
    table["id"] = np.arange(1, len(table) + 1)
    return table.astype({"area_px": float}), [polygons[number] for number in order]


def tiled(pixels: np.ndarray, folder: Path, options: SlideOptions, workers: int = 1, **kind: object) -> NucleiBatch:
    """What is found tile by tile, from the batches that the writers get."""
    batches: list[NucleiBatch] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slides, "write_slide_results", lambda _f, _n, found, *_: batches.extend(found) or {})
        segmenter = Segmenter(Model(CONFIG, Path("nowhere")), moved)
        segment_slide(array_slide(pixels, mpp=0.5, **kind), folder, segmenter, options, workers=workers)
    tables = [batch.table for batch in batches]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))
    return NucleiBatch(table, [polygon for batch in batches for polygon in batch.polygons])


def check_equal(found: NucleiBatch, expected: tuple[pd.DataFrame, list[np.ndarray]]) -> None:
    table, polygons = expected
    assert len(found) == len(polygons)
    if polygons:
        pd.testing.assert_frame_equal(found.table, table, check_exact=True, check_dtype=False)
    assert all(map(np.array_equal, found.polygons, polygons))


def check_tiled_equals_untiled(
    folder: Path, seed: int, shape: tuple[int, int], tile: int, workers: int, cover: float, giant: int, page: int
) -> None:
    pixels = blobs(seed, shape, cover)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instances, "LARGEST_PIECE", giant)
        patch.setattr(slides, "PAGE", page)
        check_equal(tiled(pixels, folder, SlideOptions(tissue=False, tile=tile), workers), untiled(pixels))


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 100_000),
    shape=st.tuples(st.integers(1, 150), st.integers(1, 150)),
    parts=st.integers(1, 5),
    workers=st.integers(1, 3),
    cover=st.sampled_from([0.1, 0.3, 0.5, 0.8]),
    giant=st.sampled_from([40, 60, 4096]),
    page=st.sampled_from([16, 50, 2048]),
)
def test_tiled_equals_untiled_bit_by_bit(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int, shape: tuple[int, int], parts: int, workers: int, cover: float, giant: int, page: int,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("out")
    check_tiled_equals_untiled(folder, seed, shape, max(shape) // parts + 1, workers, cover, giant, page)


@pytest.mark.parametrize("tile", [37, 64, 160])
@pytest.mark.parametrize("cover", [0.35, 0.6])
def test_pieces_larger_than_memory_is_for(tmp_path: Path, tile: int, cover: float) -> None:
    check_tiled_equals_untiled(tmp_path, 7, (160, 130), tile, 2, cover, 40, 64)


def test_there_is_something_to_compare() -> None:
    """The blobs of the test above are many, and some are of several nuclei."""
    table, _ = untiled(blobs(1, (150, 150), 0.3))
    assert len(table) > 20
