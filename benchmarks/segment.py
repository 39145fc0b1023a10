"""Seconds per megapixel of segmenting, stage by stage, and peak memory.

    python benchmarks/segment.py [FOLDER] [--images 6] [--model default] [--threads 2] [--mpp 0.25 0.5]

FOLDER holds images at 0.25 um/px; default: monuseg-train/images of the folder in NUSEG_DATA. For 0.5 um/px each
image is shrunk to half its side first, as a 20x scanner would have made it. Megapixels are those of the image as
read; the best of three runs counts.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from nuseg.io.find import find_images
from nuseg.io.image import write_png
from nuseg.io.opening import open_source, read_image
from nuseg.results.registry import default_outputs
from nuseg.segmentation.segmenter import Segmenter

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("NUSEG_DATA", ROOT.parent / "shared" / "data"))
FINE, RUNS = 0.25, 3
Result = TypeVar("Result")


class Clock:
    """Seconds spent in each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def __call__(self, stage: str, work: Callable[[], Result]) -> Result:
        start = time.perf_counter()
        result = work()
        self.seconds[stage] += time.perf_counter() - start
        return result


def segment_in_stages(path: Path, mpp: float, segmenter: Segmenter, folder: Path) -> Clock:
    """Do what `nuseg segment` does to one image, and time every stage."""
    clock = Clock()

    def engine(batch: np.ndarray) -> np.ndarray:
        return clock("network", lambda: segmenter.engine(batch))

    source = clock("read", lambda: open_source(path))
    timed = Segmenter(segmenter.model, engine, segmenter.threads)
    result = clock("resample, separation, measures", lambda: timed(source, mpp))
    clock.seconds["resample, separation, measures"] -= clock.seconds["network"]
    clock("label image", lambda: result.labels)
    for output in default_outputs("image"):
        clock(f"write {output.name}", lambda output=output: result.save(folder, [output.name]))  # type: ignore[misc]
    clock.seconds["nuclei"] = len(result)
    return clock


def benchmark(paths: list[Path], mpp: float, segmenter: Segmenter, folder: Path) -> dict[str, float]:
    """Seconds per megapixel of each stage over all images at `mpp`, and nuclei per megapixel."""
    total: dict[str, float] = defaultdict(float)
    megapixels = 0.0
    for path in paths:
        pixels = read_image(path).pixels
        shrunk = cv2.resize(pixels, None, fx=FINE / mpp, fy=FINE / mpp, interpolation=cv2.INTER_AREA)
        write_png(folder / "image.png", shrunk)
        megapixels += shrunk[..., 0].size / 1e6
        clocks = [segment_in_stages(folder / "image.png", mpp, segmenter, folder) for _ in range(RUNS)]
        for stage in clocks[0].seconds:
            total[stage] += min(clock.seconds[stage] for clock in clocks)
    return {stage: value / megapixels for stage, value in total.items()}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=DATA / "monuseg-train" / "images")
    parser.add_argument("--images", type=int, default=6)
    parser.add_argument("--model", default="default")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--mpp", type=float, nargs="+", default=[0.25, 0.5])
    arguments = parser.parse_args()

    paths = find_images([arguments.folder])
    paths = paths[:: max(1, len(paths) // arguments.images)][: arguments.images]
    start = time.perf_counter()
    segmenter = Segmenter.load(arguments.model, "cpu", arguments.threads)
    print(f"{len(paths)} images of {arguments.folder}, model {segmenter.model.config.name}")
    print(f"loading the engine: {time.perf_counter() - start:.2f} s\n")
    with tempfile.TemporaryDirectory() as folder:
        tables = {mpp: benchmark(paths, mpp, segmenter, Path(folder)) for mpp in arguments.mpp}
    print(f"{'s/megapixel at':32}" + "".join(f"{mpp:>12g} um/px" for mpp in tables))
    stages = [stage for stage in next(iter(tables.values())) if stage != "nuclei"]
    for stage in stages:
        print(f"{stage:32}" + "".join(f"{table[stage]:>18.4f}" for table in tables.values()))
    print(f"{'all':32}" + "".join(f"{sum(table[s] for s in stages):>18.4f}" for table in tables.values()))
    print(f"{'nuclei':32}" + "".join(f"{table['nuclei']:>18.0f}" for table in tables.values()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"\npeak memory: {peak / (1 << 20 if sys.platform != 'darwin' else 1 << 30):.2f} GiB")


if __name__ == "__main__":
    main()
