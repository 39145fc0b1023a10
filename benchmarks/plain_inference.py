"""A slide as it is often segmented by hand: tiles without margin, PyTorch, scikit-image; nuclei are cut at borders.

    python benchmarks/plain_inference.py TIMES.json SLIDE --model fast [--threads 2]

`slides.py` starts it for its case `plain`. Writes to TIMES.json what `slide_case.py` writes, and what was found.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path

import cv2
import torch
from scipy import ndimage
from skimage.measure import regionprops_table
from skimage.segmentation import watershed

from made_slides import MPP
from nuseg.io.opening import open_slide
from nuseg.model.export import load_network
from nuseg.model.network import network_maps
from nuseg.model.store import load_model

TILE = 1024
MEASURES = ("centroid", "area", "perimeter", "eccentricity", "solidity", "intensity_mean")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("times", type=Path)
    parser.add_argument("slide", type=Path)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    found = load_model(arguments.model)
    network, thresholds = partial(network_maps, load_network(found)), found.config.thresholds
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    factor = round(found.config.mpp / MPP)
    side, nuclei = TILE * factor, 0
    times = {"first": 0.0, "last": 0.0, "seconds": 0.0, "cpu_seconds": 0.0}
    with open_slide(arguments.slide) as slide:
        for y in range(0, slide.height, side):
            for x in range(0, slide.width, side):
                pixels = slide.read(0, x, y, side, side)
                pixels = cv2.resize(pixels, (TILE, TILE), interpolation=cv2.INTER_AREA)
                times["first"] = times["first"] or time.time()
                clock, cpu = time.perf_counter(), time.process_time()
                probability, distance = network(pixels[None])[0]
                times["seconds"] += time.perf_counter() - clock
                times["cpu_seconds"] += time.process_time() - cpu
                times["last"] = time.time()
                distance = ndimage.gaussian_filter(distance, thresholds.smoothing)
                mask = ndimage.binary_fill_holes(probability >= thresholds.mask)
                markers, _ = ndimage.label(mask & (distance >= thresholds.marker))
                labels = watershed(-distance, markers, mask=mask)
                nuclei += len(regionprops_table(labels, pixels, properties=MEASURES)["area"])
        mm2 = slide.width * slide.height * MPP**2 / 1e6
    arguments.times.write_text(json.dumps(times | {"nuclei": nuclei, "counted_mm2": mm2}))


if __name__ == "__main__":
    main()
