"""How long scoring takes: CPU milliseconds for each step and pair of label images.

    python benchmarks/metrics.py

Everything runs on one thread. The limit for all scores of 1000x1000 pixels with 700 nuclei is 100 ms; the last row is
the worst case, in which no two neighbouring pixels agree.
"""

import time
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.ndimage import zoom

from nuseg.evaluation.contingency import find_overlaps
from nuseg.evaluation.object import aji, aji_plus, panoptic_quality
from nuseg.evaluation.pixel import pixel_scores
from nuseg.evaluation.report import score_image
from nuseg.evaluation.statistics import bootstrap_ci

REPEATS = 7


def dense_field(side: int, nuclei: int, seed: int) -> np.ndarray:
    """Label image (side, side) int32 of touching and overlapping ellipses, all of them visible."""
    random = np.random.default_rng(seed)
    across = int(np.ceil(np.sqrt(nuclei)))
    pitch = side / across
    labels = np.zeros((side, side), np.int32)
    for number, place in enumerate(random.permutation(across**2)[:nuclei], 1):
        centre = (np.array(divmod(place, across)) + random.uniform(0.3, 0.7, 2)) * pitch
        radii = random.uniform(0.35, 0.55, 2) * pitch
        top, left = np.maximum((centre - pitch).astype(int), 0)
        y, x = np.ogrid[top : top + 2 * int(pitch) + 1, left : left + 2 * int(pitch) + 1]
        inside = ((y - centre[0]) / radii[0]) ** 2 + ((x - centre[1]) / radii[1]) ** 2 <= 1
        window = labels[top : top + inside.shape[0], left : left + inside.shape[1]]
        window[inside[: window.shape[0], : window.shape[1]]] = number
    return labels


def imperfect(labels: np.ndarray) -> np.ndarray:
    """What a faulty segmentation makes of it: larger and shifted nuclei, some missing, some merged."""
    pred = np.roll(zoom(labels, 1.01, order=0)[: labels.shape[0], : labels.shape[1]], (2, -3), axis=(0, 1))
    pred[pred % 11 == 0] = 0
    pred[pred % 7 == 3] -= 1
    return pred


def milliseconds(function: Callable[..., object], *arguments: object) -> float:
    """CPU time, median over repeats: what else the machine does has little influence."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        function(*arguments)
        times.append(time.process_time() - start)
    return 1000 * float(np.median(times))


def main() -> None:
    pairs = {}
    for side, nuclei in ((256, 50), (1000, 700), (1000, 3000), (4000, 11200)):
        labels = dense_field(side, nuclei, seed=0)
        pairs[f"{side}x{side}, {nuclei} nuclei"] = labels, imperfect(labels)
    random = np.random.default_rng(0)
    pairs["1000x1000, noise"] = tuple(random.integers(0, 700, (2, 1000, 1000), dtype=np.int32))
    table = Table("pair", title="scoring: CPU ms on one thread")
    for column in ("true", "predicted", "pixel", "overlaps", "AJI", "AJI+", "PQ", "all"):
        table.add_column(column, justify="right")
    for name, (true, pred) in pairs.items():
        overlaps = find_overlaps(true, pred)
        times = [
            milliseconds(pixel_scores, true, pred),
            milliseconds(find_overlaps, true, pred),
            milliseconds(aji, overlaps),
            milliseconds(aji_plus, overlaps),
            milliseconds(panoptic_quality, overlaps),
            milliseconds(score_image, true, pred),
        ]
        counts = (str(overlaps.true_areas.size), str(overlaps.pred_areas.size))
        table.add_row(name, *counts, *(f"{value:.1f}" for value in times))
    Console(width=120).print(table)
    print(f"interval of one score over 100 images: {milliseconds(bootstrap_ci, random.random(100)):.1f} ms")


if __name__ == "__main__":
    main()
