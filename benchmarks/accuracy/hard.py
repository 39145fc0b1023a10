"""Where nuclei are hard: very dark and very pale ones, and those in muscle, pigment and keratin.

    python benchmarks/accuracy/hard.py DATASETS [--slide CMU-1-Small-Region.svs] [--models default fast ...] [-o FOLDER]

DATASETS is made by benchmarks/shipped_model/prepare.sh. Dark nuclei are the tenth of those of an image with the highest
optical density, pale ones the tenth that stands out least from the 3 um around it: of the 30 images of MoNuSeg, and of
the validation images of CoNSeP and TNBC. The regions are those of hard.csv, in px of images that no model learned from;
in keratin, on OpenSlide's test slide, there is no nucleus. A nucleus is found if one of more than half of their common
area lies on it (IoU > 0.5), one that lies on none so is false. -o draws each region: annotated green, found yellow.
"""

import argparse
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track
from scipy import ndimage

from nuseg.datasets.dataset import Dataset, load_item
from nuseg.evaluation.contingency import find_overlaps, in_order
from nuseg.io.image import write_png
from nuseg.io.opening import open_source
from nuseg.measure.stain import optical_density
from nuseg.plot.outlines import draw_outlines
from nuseg.segmentation.segmenter import Segmenter
from nuseg.types import RGB, LabelImage

AROUND_UM, TENTH = 3.0, 0.1
SETS = (("monuseg", "test"), ("consep", "validation"), ("tnbc", "validation"))
RIM = 128  # px around a region of the slide that are segmented with it


@dataclass(frozen=True)
class Region:
    """A box of an image, in px, and what it is full of."""

    dataset: str
    image: str
    kind: str
    left: int
    top: int
    right: int
    bottom: int

    def holds(self, middles: np.ndarray) -> np.ndarray:
        """Which points `(n, 2)`, y and x, lie in it."""
        y, x = middles.T
        held: np.ndarray = (self.left <= x) & (x < self.right) & (self.top <= y) & (y < self.bottom)
        return held


def read_regions(path: Path) -> list[Region]:
    """The regions of hard.csv."""
    return [Region(*row) for row in pd.read_csv(path).itertuples(index=False)]


@dataclass(frozen=True)
class Field:
    """An image with what is annotated in it; `left`, `top` are those of its first pixel in the whole image."""

    dataset: str
    name: str
    pixels: RGB
    truth: LabelImage
    mpp: float
    left: int = 0
    top: int = 0

    def own(self, regions: list[Region]) -> list[Region]:
        """The regions that lie in it."""
        return [region for region in regions if (region.dataset, region.image) == (self.dataset, self.name)]

    def middles(self, labels: LabelImage, numbers: np.ndarray) -> np.ndarray:
        """Middles of nuclei of a label image, `(n, 2)`, y and x in the whole image."""
        middles: np.ndarray = np.array(ndimage.center_of_mass(labels > 0, labels, numbers)).reshape(-1, 2)
        middles += (self.top, self.left)
        return middles


def fields_of(datasets: Path, slide: Path | None, regions: list[Region]) -> list[Field]:
    """All images, and of the slide the part that holds its regions."""
    found = []
    for name, split in SETS:
        for item in Dataset.load(datasets / name).split(split):
            found.append(Field(name, item.name, *load_item(item), item.mpp))
    if slide is not None:
        boxes = np.array([(b.left, b.top, b.right, b.bottom) for b in regions if b.dataset == "slide"])
        (left, top), (right, bottom) = boxes.min(axis=0)[:2] - RIM, boxes.max(axis=0)[2:] + RIM
        with open_source(slide) as source:
            pixels = source.read(0, left, top, right - left, bottom - top)
            mpp = source.resolution(None).mpp
        found.append(Field("slide", slide.name, pixels, np.zeros(pixels.shape[:2], np.int32), mpp, left, top))
    return found


def hard_nuclei(field: Field) -> dict[str, np.ndarray]:
    """Numbers of the darkest and of the palest annotated nuclei."""
    numbers = in_order(field.truth)
    density = optical_density(field.pixels).mean(axis=2)
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, [1 + 2 * round(AROUND_UM / field.mpp)] * 2)
    rim = near.shape[0] // 2
    inside = ndimage.mean(density, field.truth, numbers)
    contrast = []
    for number, box in zip(numbers, np.array(ndimage.find_objects(field.truth), object)[numbers - 1], strict=True):
        window = tuple(slice(max(side.start - rim, 0), side.stop + rim) for side in box)
        grown = cv2.dilate((field.truth[window] == number).astype(np.uint8), near) > 0
        ring = grown & (field.truth[window] == 0)
        contrast.append(density[window][ring].mean() if ring.any() else np.nan)
    few = max(1, round(TENTH * numbers.size))
    return {
        "dark": numbers[np.argsort(-inside)[:few]],
        "pale": numbers[np.argsort(inside - np.array(contrast))[:few]],
    }


def count(field: Field, found: LabelImage, regions: list[Region]) -> Counter[tuple[str, str]]:
    """Count annotated, missed and false nuclei, by kind."""
    overlaps = find_overlaps(field.truth, found)
    true, pred = in_order(field.truth), in_order(found)
    seen = true[overlaps.true_index[overlaps.matches]]
    false = np.setdiff1d(pred, pred[overlaps.pred_index[overlaps.matches]])
    counts: Counter[tuple[str, str]] = Counter()

    def add(kind: str, annotated: np.ndarray, wrong: int = 0) -> None:
        counts[kind, "annotated"] += annotated.size
        counts[kind, "missed"] += np.setdiff1d(annotated, seen).size
        counts[kind, "false"] += wrong

    if true.size:
        add("all", true, false.size)
        for kind, numbers in hard_nuclei(field).items():
            add(kind, numbers)
    for region in field.own(regions):
        annotated = true[region.holds(field.middles(field.truth, true))]
        add(region.kind, annotated, int(region.holds(field.middles(found, false)).sum()))
    return counts


def draw(field: Field, found: LabelImage, regions: list[Region], path: Path) -> None:
    """Write the part of a field that holds its regions, with outlines."""
    drawn = draw_outlines(draw_outlines(field.pixels, field.truth, (0, 200, 0)), found, (255, 220, 0))
    for region in field.own(regions):
        left, top = region.left - field.left, region.top - field.top
        cv2.rectangle(drawn, (left, top), (region.right - field.left, region.bottom - field.top), (0, 0, 0), 1)
    write_png(path, drawn)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", type=Path)
    parser.add_argument("--slide", type=Path)
    parser.add_argument("--models", nargs="+", default=["default", "fast"])
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    regions = read_regions(Path(__file__).with_suffix(".csv"))
    fields = fields_of(arguments.datasets, arguments.slide, regions)
    counts = {}
    for model in arguments.models:
        segmenter = Segmenter.load(model, "cpu")
        counts[model] = Counter[tuple[str, str]]()
        for field in track(fields, model, console=Console(stderr=True)):
            found = segmenter(field.pixels, field.mpp).labels
            counts[model].update(count(field, found, regions))
            if arguments.out is not None and field.own(regions):
                draw(field, found, regions, arguments.out / Path(model).name / f"{Path(field.name).stem}.png")
    print("| nuclei | annotated | " + " | ".join(f"{model}: missed | false" for model in arguments.models) + " |")
    print("|---" * (2 + 2 * len(arguments.models)) + "|")
    for kind in dict.fromkeys(kind for kind, _ in counts[arguments.models[0]]):
        cells = [
            "" if kind in ("dark", "pale") and what == "false" else f"{counts[model][kind, what]}"
            for model in arguments.models
            for what in ("missed", "false")
        ]
        annotated = counts[arguments.models[0]][kind, "annotated"]
        print(f"| {kind} | {annotated} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
