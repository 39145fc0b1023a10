"""A slide and nuclei made up for tests of what is written about them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from nuseg.io.reader import ArrayReader, Kind
from nuseg.io.source import Source
from nuseg.measure.nuclei import measure_nuclei
from nuseg.measure.outline import outlines
from nuseg.results.batch import NucleiBatch
from nuseg.results.info import ResultInfo
from nuseg.results.segmentation import Segmentation
from nuseg.results.store import MemoryStore, NucleiStore

MPP = 0.5


def label_field(height: int, width: int, spacing: int = 24, seed: int = 0) -> np.ndarray:
    """Label image `(height, width)` int32 of discs on a jittered grid, in reading order."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((height, width), np.int32)
    y, x = np.mgrid[:height, :width]
    number = 0
    for top in range(0, height - spacing + 1, spacing):
        for left in range(0, width - spacing + 1, spacing):
            number += 1
            radius = rng.uniform(2, spacing / 2 - 3)
            row, column = top + spacing / 2 + rng.uniform(-1, 1), left + spacing / 2 + rng.uniform(-1, 1)
            window = np.s_[top : top + spacing, left : left + spacing]
            inside = (y[window] - row) ** 2 + (x[window] - column) ** 2 <= radius**2
            labels[window][inside] = number
    return labels


def as_batch(labels: np.ndarray, mpp: float = MPP) -> NucleiBatch:
    """Measure and outline the nuclei of a label image on grey pixels."""
    polygons = outlines(labels)
    grey = np.full((*labels.shape, 3), 120, np.uint8)
    half = np.full(labels.shape, 0.75, np.float32)
    return NucleiBatch(measure_nuclei(labels, grey, half, mpp, polygons), polygons)


def cut(batch: NucleiBatch, *sizes: int) -> Iterator[NucleiBatch]:
    """Cut a batch into batches of these sizes, and one of the rest."""
    start = 0
    for size in (*sizes, len(batch)):
        yield NucleiBatch(batch.table[start : start + size], batch.polygons[start : start + size])
        start += size


PINK = (225, 170, 200)


def slide_info(height: int, width: int, mpp: float = MPP) -> ResultInfo:
    """A slide with tissue in its left half."""
    tissue = np.zeros((20, 20), bool)
    tissue[:, :10] = True
    return ResultInfo(
        name="case 1",
        path=Path("/scans/case 1.svs"),
        kind="slide",
        width=width,
        height=height,
        mpp=mpp,
        mpp_source="aperio.MPP",
        model="m",
        counted=tissue,
        fingerprint="abc",
    )


def image_info(height: int, width: int, mpp: float = MPP) -> ResultInfo:
    """An image all of which counts."""
    kind: Kind = "image"
    return replace(slide_info(height, width, mpp), path=Path("/scans/case 1.png"), kind=kind, counted=None)


def as_result(nuclei: NucleiStore | Iterable[NucleiBatch], info: ResultInfo) -> Segmentation:
    """A result of nuclei on a pink source, whose pixels take no memory."""
    pixels = np.broadcast_to(np.array(PINK, np.uint8), (info.height, info.width, 3))
    store = nuclei if hasattr(nuclei, "batches") else MemoryStore(list(nuclei))
    return Segmentation(info, store, Source(info.path, ArrayReader(pixels)))
