"""Runs of slides for the tests that need a process of their own: one to be killed, one whose memory is measured."""

import sys
import time
from pathlib import Path

import numpy as np

from dark_model import CONFIG, dark_network
from nuseg.io.resolution import PixelSize
from nuseg.io.source import Source
from nuseg.model.store import Model
from nuseg.results.early import EarlyOutputs
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.segmenter import Segmenter
from processes import peak_kib

SIDE = 100_000
TISSUE = 3072  # px; side of a patch of tissue


class VirtualReader:
    """A slide of 100,000 x 100,000 px that is made up as it is read: patches of tissue with regular nuclei."""

    vendor, kind, associated, objective, bounds, notes = "virtual", "slide", (), None, None, ()
    downsamples = (1.0, 32.0)
    sizes = tuple((int(SIDE / factor), int(SIDE / factor)) for factor in downsamples)
    pixel_size = PixelSize(0.25, 0.25, "test")

    def __init__(self, patches: int) -> None:
        self.patches = patches

    def read(self, level: int, x: int, y: int, width: int, height: int) -> np.ndarray:
        step = int(self.downsamples[level])
        columns, rows = x + step * np.arange(width), y + step * np.arange(height)
        pixels = np.full((height, width, 3), 245, np.uint8)
        for number in range(self.patches):
            start = number * 20_000 + 1000
            tissue = np.ix_(*((side >= start) & (side < start + TISSUE) for side in (rows, columns)))
            pixels[tissue] = (225, 160, 200)
        if level == 0:
            nuclei = np.ix_(rows % 64 < 24, columns % 64 < 24)
            part = pixels[nuclei]
            part[part[..., 1] == 160] = (70, 40, 110)
            pixels[nuclei] = part
        return pixels

    def close(self) -> None: ...


def slow_network(batch: np.ndarray) -> np.ndarray:
    """The dark network, slow enough to be killed in the middle."""
    time.sleep(0.1)
    return dark_network(batch)


def main() -> None:
    what, folder = sys.argv[1], Path(sys.argv[2])
    model = Model(CONFIG, Path("nowhere"))
    if what == "kill":
        options = SegmentOptions(tile=64, tissue=False)
        outputs, kept = ["geoparquet", "geojson"], folder / "slide.partial"
        early = EarlyOutputs(kept / "outputs", outputs, "slide")
        with Segmenter(model, slow_network)(sys.argv[3], options=options, checkpoint=kept, early=early) as result:
            result.save(folder, outputs)
        return
    before = peak_kib()
    slide = Source(Path("virtual.svs"), VirtualReader(int(sys.argv[3])))
    with Segmenter(model, dark_network)(slide, options=SegmentOptions(tile=1024), checkpoint=folder / "kept") as result:
        result.save(folder, ["geoparquet"])
        print(len(result), peak_kib() - before)


if __name__ == "__main__":
    main()
