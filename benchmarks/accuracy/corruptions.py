"""What worse pictures cost: AJI on a dataset whose images are compressed, noisy, dark, blurred or stained otherwise.

    python benchmarks/accuracy/corruptions.py DATASET [--split test] [--every 4] [--models default fast ...]

DATASET is made by `nuseg prepare`; the shipped models were scored on every fourth image of `monuseg` of
benchmarks/shipped_model/prepare.sh. Changes are made at the resolution of the images, noise by a fixed seed.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track
from skimage.color import hed2rgb, rgb2hed

from nuseg.datasets.dataset import Dataset, load_with_ignore
from nuseg.evaluation.report import score_image
from nuseg.segmentation.segmenter import Segmenter
from nuseg.types import RGB

SCORES = ("aji", "pq")


def compressed(pixels: RGB, quality: int) -> RGB:
    """JPEG."""
    _, coded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def noisy(pixels: RGB, share: float) -> RGB:
    """Gaussian noise, its standard deviation as a share of the range."""
    noise = np.random.default_rng(0).standard_normal(pixels.shape) * 255 * share
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def bent(pixels: RGB, gamma: float) -> RGB:
    """Gamma: above 1 is darker."""
    return np.rint(255 * (pixels / 255) ** gamma).astype(np.uint8)


def blurred(pixels: RGB, sigma: float) -> RGB:
    """Gaussian blur, sigma in px."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma))


def stained(pixels: RGB, haematoxylin: float, eosin: float) -> RGB:
    """Factors on the optical density of the two stains."""
    changed: np.ndarray = hed2rgb(rgb2hed(pixels) * (haematoxylin, eosin, 1))
    levels: RGB = np.rint(255 * np.clip(changed, 0, 1)).astype(np.uint8)
    return levels


def coarse(pixels: RGB, factor: float) -> RGB:
    """As a scanner of less resolution gives it, magnified again."""
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (round(width / factor), round(height / factor)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


CORRUPTIONS: dict[str, Callable[[RGB], RGB]] = {
    "none": lambda pixels: pixels,
    "JPEG, quality 30": lambda pixels: compressed(pixels, 30),
    "JPEG, quality 15": lambda pixels: compressed(pixels, 15),
    "noise, 4 %": lambda pixels: noisy(pixels, 0.04),
    "noise, 8 %": lambda pixels: noisy(pixels, 0.08),
    "gamma 0.55": lambda pixels: bent(pixels, 0.55),
    "gamma 1.8": lambda pixels: bent(pixels, 1.8),
    "blur, sigma 1 px": lambda pixels: blurred(pixels, 1.0),
    "two thirds of the resolution": lambda pixels: coarse(pixels, 1.5),
    "haematoxylin 0.7, eosin 1.3": lambda pixels: stained(pixels, 0.7, 1.3),
    "haematoxylin 1.3, eosin 0.7": lambda pixels: stained(pixels, 1.3, 0.7),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--every", type=int, default=4, help="of the images, every so many-th is taken")
    parser.add_argument("--models", nargs="+", default=["default", "fast"])
    arguments = parser.parse_args()
    items = Dataset.load(arguments.dataset).split(arguments.split)[:: arguments.every]
    rows = []
    for model in arguments.models:
        segmenter = Segmenter.load(model, "cpu")
        for item in track(items, model, console=Console(stderr=True)):
            pixels, truth, ignore = load_with_ignore(item)
            for corruption, change in CORRUPTIONS.items():
                found = segmenter(change(pixels), item.mpp).labels
                rows.append({"corruption": corruption, "model": model, **score_image(truth, found, ignore=ignore)})
    means = pd.DataFrame(rows).groupby(["corruption", "model"], sort=False)[list(SCORES)].mean().unstack("model")
    print(f"{len(items)} images")
    columns = [(score, model) for model in arguments.models for score in SCORES]
    print("| what | " + " | ".join(f"{model}: {score.upper()}" for score, model in columns) + " |")
    print("|---" * (1 + len(columns)) + "|")
    for name, row in means.iterrows():
        cells = [f"{row[column]:.3f} ({row[column] - means.loc['none', column]:+.3f})" for column in columns]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
