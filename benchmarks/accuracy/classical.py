"""What a classical pipeline scores on the images of a dataset: the usual recipe of scikit-image, without a network.

    python benchmarks/accuracy/classical.py DATASET [--split test] [--only NAME ...]

DATASET is made by `nuseg prepare`. The haematoxylin of colour deconvolution (Ruifrok and Johnston 2001), blurred, is
cut at Otsu's threshold; the mask is divided by a watershed from the maxima of its distance to the background; what is
smaller than 10 um2 is left out. Nothing is fitted to the images. Scores are those of `nuseg evaluate`.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from scipy import ndimage
from skimage.color import rgb2hed
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.morphology import remove_small_objects
from skimage.segmentation import watershed

from nuseg.datasets.dataset import Dataset, load_item
from nuseg.evaluation import bootstrap_ci, score_image

SCORES = ("dice", "aji", "pq", "f1")
MIN_UM2, BLUR_UM, APART_UM = 10.0, 0.5, 2.5


def classical(pixels: np.ndarray, mpp: float) -> np.ndarray:
    """Segment nuclei without a network; (h, w, 3) uint8 to a label image."""
    haematoxylin = gaussian(rgb2hed(pixels)[..., 0], BLUR_UM / mpp)
    mask = ndimage.binary_fill_holes(haematoxylin > threshold_otsu(haematoxylin))
    distance = gaussian(ndimage.distance_transform_edt(mask), 1)
    peaks = peak_local_max(distance, min_distance=max(1, round(APART_UM / mpp)), labels=ndimage.label(mask)[0])
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = watershed(-distance, markers, mask=mask)
    return remove_small_objects(labels, max_size=round(MIN_UM2 / mpp**2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--only", nargs="*", help="names of images")
    given = parser.parse_args()
    rows, spent, area = [], 0.0, 0.0
    for item in Dataset.load(given.dataset).split(given.split):
        if given.only and item.name not in given.only:
            continue
        pixels, truth = load_item(item)[:2]
        start = time.perf_counter()
        found = classical(pixels, item.mpp)
        spent += time.perf_counter() - start
        area += pixels.shape[0] * pixels.shape[1] * item.mpp**2 / 1e6
        rows.append(score_image(truth, found))
    scores = pd.DataFrame(rows)
    table = Table("score", "mean", "95 % interval", title=f"{len(rows)} images, {spent / area:.2f} s/mm2")
    for name in SCORES:
        mean, low, high = bootstrap_ci(scores[name].to_numpy(float))
        table.add_row(name, f"{mean:.3f}", f"{low:.3f} to {high:.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
