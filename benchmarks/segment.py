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

from nuseg.engines.engine import Engine
from nuseg.engines.loading import load_engine
from nuseg.io.image import find_images, read_image, write_png
from nuseg.measure.nuclei import measure_nuclei
from nuseg.measure.outline import outlines
from nuseg.model.store import Model, load_model
from nuseg.segmentation.image_grid import labels_to_image_grid, map_to_image_grid, to_model_grid
from nuseg.segmentation.postprocess import measure_certainty, separate
from nuseg.segmentation.segmenter import DEFAULT_OUTPUTS, Segmentation
from nuseg.segmentation.tiling import predict_maps

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


def segment_in_stages(path: Path, mpp: float, model: Model, network: Engine, folder: Path) -> Clock:
    """Do what `nuseg segment` does to one image, and time every stage."""
    clock, config = Clock(), model.config
    image = clock("read", lambda: read_image(path))
    scaled = clock("rescale", lambda: to_model_grid(image.pixels, mpp, config.mpp))
    maps = clock("network", lambda: predict_maps(network, scaled, config))
    found = clock("separation", lambda: separate(maps, config.thresholds, config.mpp))
    shape = image.pixels.shape[:2]
    foreground = clock("rescale", lambda: map_to_image_grid(maps[0], shape) >= config.thresholds.mask)
    certainty = clock("rescale", lambda: map_to_image_grid(measure_certainty(maps), shape))
    labels = clock("rescale", lambda: labels_to_image_grid(found, foreground))
    polygons = clock("outlines", lambda: outlines(labels))
    nuclei = clock("measures", lambda: measure_nuclei(labels, image.pixels, certainty, mpp, polygons))
    result = Segmentation(image, labels, nuclei, polygons, mpp, "benchmark", config.name)
    for output in DEFAULT_OUTPUTS:
        clock(f"write {output}", lambda output=output: result.save(folder, [output]))  # type: ignore[misc]
    clock.seconds["nuclei"] = len(nuclei)
    return clock


def benchmark(paths: list[Path], mpp: float, model: Model, network: Engine, folder: Path) -> dict[str, float]:
    """Seconds per megapixel of each stage over all images at `mpp`, and nuclei per megapixel."""
    total: dict[str, float] = defaultdict(float)
    megapixels = 0.0
    for path in paths:
        pixels = read_image(path).pixels
        shrunk = cv2.resize(pixels, None, fx=FINE / mpp, fy=FINE / mpp, interpolation=cv2.INTER_AREA)
        write_png(folder / "image.png", shrunk)
        megapixels += shrunk[..., 0].size / 1e6
        clocks = [segment_in_stages(folder / "image.png", mpp, model, network, folder) for _ in range(RUNS)]
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
    model = load_model(arguments.model)
    start = time.perf_counter()
    network = load_engine(model, "cpu", arguments.threads)
    print(f"{len(paths)} images of {arguments.folder}, model {model.config.name}")
    print(f"loading the engine: {time.perf_counter() - start:.2f} s\n")
    with tempfile.TemporaryDirectory() as folder:
        tables = {mpp: benchmark(paths, mpp, model, network, Path(folder)) for mpp in arguments.mpp}
    print(f"{'s/megapixel at':16}" + "".join(f"{mpp:>12g} um/px" for mpp in tables))
    stages = [stage for stage in next(iter(tables.values())) if stage != "nuclei"]
    for stage in stages:
        print(f"{stage:16}" + "".join(f"{table[stage]:>18.4f}" for table in tables.values()))
    print(f"{'all':16}" + "".join(f"{sum(table[s] for s in stages):>18.4f}" for table in tables.values()))
    print(f"{'nuclei':16}" + "".join(f"{table['nuclei']:>18.0f}" for table in tables.values()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"\npeak memory: {peak / (1 << 20 if sys.platform != 'darwin' else 1 << 30):.2f} GiB")


if __name__ == "__main__":
    main()
