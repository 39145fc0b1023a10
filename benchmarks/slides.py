"""How long a whole slide takes, and how much memory: against plain inference tile by tile.

    python benchmarks/slides.py [FOLDER OF IMAGES] [--side 20480] [--models fast default] [--threads 2]

Makes a JPEG pyramid of real tissue at 0.25 um/px out of the images, segments it with each model, and prints seconds of
each stage. Beside it stand the same slide without intermediate levels, and what is often written by hand: tiles of
1024 px without margin, the network in PyTorch, scikit-image's watershed and region properties; both with the first
model.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import tifffile
from rich.console import Console
from rich.table import Table
from scipy import ndimage
from skimage.measure import regionprops_table
from skimage.segmentation import watershed

from nuseg.io.find import find_images
from nuseg.io.opening import open_slide, read_image
from nuseg.model.store import load_model
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.segmenter import Segmenter
from nuseg.segmentation.tiling import DEFAULT_TILE

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("NUSEG_DATA", ROOT.parent / "shared" / "data"))
MPP, BLOCK, PLAIN_TILE = 0.25, 512, 1024


def blocks(patches: list[np.ndarray], side: int, factor: int) -> Iterator[np.ndarray]:
    """Give the blocks of a level: real tissue in a checkerboard of patches, shrunk by `factor`."""
    size = patches[0].shape[0] // factor
    small = [cv2.resize(patch, (size, size), interpolation=cv2.INTER_AREA) for patch in patches]
    count = -(-side // factor // BLOCK)
    for top in range(0, count * BLOCK, BLOCK):
        for left in range(0, count * BLOCK, BLOCK):
            rows, columns = top + np.arange(BLOCK), left + np.arange(BLOCK)
            block = np.empty((BLOCK, BLOCK, 3), np.uint8)
            for row in np.unique(rows // size):
                for column in np.unique(columns // size):
                    patch = small[(7 * row + 3 * column) % len(small)]
                    where = np.ix_(rows // size == row, columns // size == column)
                    block[where] = patch[
                        np.ix_(rows[rows // size == row] % size, columns[columns // size == column] % size)
                    ]
            yield block


def make_slide(path: Path, patches: list[np.ndarray], side: int, factors: tuple[int, ...]) -> None:
    """Write a pyramid in little memory."""
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for number, factor in enumerate(factors):
            tiff.write(
                blocks(patches, side, factor),
                shape=(side // factor, side // factor, 3),
                dtype=np.uint8,
                tile=(BLOCK, BLOCK),
                photometric="rgb",
                compression="jpeg",
                subfiletype=int(number > 0),
                resolution=(1e4 / MPP, 1e4 / MPP),
                resolutionunit="CENTIMETER",
                metadata=None,
            )


def nuseg_stages(path: Path, folder: Path, model: str, threads: int | None, tile: int) -> dict[str, float]:
    """Segment a slide as `nuseg segment` does, and time the stages."""
    segmenter = Segmenter.load(model, "cpu", threads)
    stages: dict[str, float] = {"network": 0.0}
    ends: list[float] = []

    def engine(batch: np.ndarray) -> np.ndarray:
        begun = time.perf_counter()
        maps = segmenter.engine(batch)
        stages["network"] += time.perf_counter() - begun
        return maps

    begun = time.perf_counter()
    timed = Segmenter(segmenter.model, engine, threads)
    options = SegmentOptions(tile=tile)
    with timed(
        path, options=options, checkpoint=folder / "partial", progress=lambda _: ends.append(time.perf_counter())
    ) as result:
        joined = time.perf_counter()
        result.save(folder)
        stages["tissue and tiles (network and all beside it)"] = ends[-1] - begun
        stages["join"] = joined - ends[-1]
        stages["write"] = time.perf_counter() - joined
        return stages | {"nuclei": len(result), "mm2": result.info.counted_mm2}


def plain_stages(path: Path, model: str, threads: int | None) -> dict[str, float]:
    """Segment tile by tile, as is often written by hand: no margin, and nuclei are cut at the tiles' borders."""
    import torch  # here, since its memory is not nuseg's

    from nuseg.model.export import load_network
    from nuseg.model.network import network_maps

    found = load_model(model)
    network, thresholds = partial(network_maps, load_network(found)), found.config.thresholds
    if threads:
        torch.set_num_threads(threads)
    factor = round(found.config.mpp / MPP)
    side = PLAIN_TILE * factor
    stages = dict.fromkeys(("read", "network", "watershed", "measure"), 0.0)
    nuclei = 0
    with open_slide(path) as slide:
        for y in range(0, slide.height, side):
            for x in range(0, slide.width, side):
                times = [time.perf_counter()]
                pixels = slide.read(0, x, y, side, side)
                pixels = cv2.resize(pixels, (PLAIN_TILE, PLAIN_TILE), interpolation=cv2.INTER_AREA)
                times.append(time.perf_counter())
                probability, distance = network(pixels[None])[0]
                times.append(time.perf_counter())
                distance = ndimage.gaussian_filter(distance, thresholds.smoothing)
                mask = ndimage.binary_fill_holes(probability >= thresholds.mask)
                markers, _ = ndimage.label(mask & (distance >= thresholds.marker))
                labels = watershed(-distance, markers, mask=mask)
                times.append(time.perf_counter())
                names = ("centroid", "area", "perimeter", "eccentricity", "solidity", "intensity_mean")
                nuclei += len(regionprops_table(labels, pixels, properties=names)["area"])
                times.append(time.perf_counter())
                for name, seconds in zip(list(stages), np.diff(times), strict=True):
                    stages[name] += seconds
        mm2 = slide.width * slide.height * MPP**2 / 1e6
    return stages | {"nuclei": nuclei, "mm2": mm2}


def report(title: str, stages: dict[str, float], seconds: float) -> None:
    """Print one run."""
    nuclei, mm2 = stages.pop("nuclei"), stages.pop("mm2")
    table = Table("", "", title=title, show_header=False)
    for name, value in stages.items():
        table.add_row(f"s, {name}", f"{value:.1f}")
    table.add_row("s, all", f"{seconds:.1f}")
    table.add_row("network's share", f"{stages['network'] / seconds:.0%}")
    table.add_row("mm2", f"{mm2:.2f}")
    table.add_row("s/mm2", f"{seconds / mm2:.2f}")
    table.add_row("nuclei", f"{nuclei:,.0f}")
    table.add_row("nuclei/s", f"{nuclei / seconds:.0f}")
    table.add_row("peak memory, GiB", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f}")
    Console().print(table)


def main() -> None:
    """Make the slides, and run each case in a process of its own, as peak memory belongs to a process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=DATA / "monuseg-train" / "images")
    parser.add_argument("--side", type=int, default=20480)
    parser.add_argument("--models", nargs="+", default=["fast", "default"])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--tile", type=int, default=DEFAULT_TILE)
    parser.add_argument("--case", nargs=3, metavar=("KIND", "MODEL", "SLIDE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        kind, model, slide = arguments.case
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            if kind == "plain":
                stages = plain_stages(Path(slide), model, arguments.threads)
            else:
                stages = nuseg_stages(Path(slide), Path(folder), model, arguments.threads, arguments.tile)
            report(f"{kind}, model {model}, {Path(slide).stem}", stages, time.perf_counter() - begun)
        return
    patches = [read_image(path).pixels for path in find_images([arguments.folder])]
    with tempfile.TemporaryDirectory() as folder:
        for name, factors in (("pyramid", (1, 4, 16)), ("one level", (1,))):
            path = Path(folder) / f"{name}.tif"
            make_slide(path, patches, arguments.side, factors)
            first, *others = arguments.models
            cases = [("nuseg", first)]
            if name == "pyramid":
                cases += [("plain", first), *(("nuseg", model) for model in others)]
            for case in cases:
                subprocess.run([sys.executable, __file__, *sys.argv[1:], "--case", *case, str(path)], check=True)


if __name__ == "__main__":
    main()
