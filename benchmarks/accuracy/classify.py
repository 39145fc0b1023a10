"""F1 per class of `nuseg classify` on CoNSeP, by the number of examples of each class.

    nuseg segment consep-train/images -o results --mpp 0.25
    python benchmarks/accuracy/classify.py results consep-train -o rows.csv

CONSEP holds `labels/NAME.png` and `types.csv` (name, nucleus, type). For every seed half of the images give the
examples: nuclei that were drawn by hand, matched to those found as `nuseg classify` matches what a user draws; 50 of
each class come from 6 of them, 200 from all. F1 is over all matched nuclei of the other images, through the
functions that the command calls. With --plain, without pixels.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from nuseg.annotations.tracing import pixel_areas
from nuseg.classification.examples import Marks, find_examples
from nuseg.classification.features import PLAIN, features_of, open_image
from nuseg.classification.files import image_results
from nuseg.classification.learn import Examples, Learned, learn
from nuseg.classification.scores import score
from nuseg.measure.classes import class_probabilities

TYPES = {1: "other", 2: "inflammatory", 3: "epithelial", 4: "spindle-shaped"}
SIZES = {50: 6, 200: None}  # examples of each class, and images that they come from


def measure(results: Path, truth: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Features of the matched nuclei of each image, and the place of their class in `TYPES`."""
    types = pd.read_csv(truth / "types.csv", dtype={"name": str})
    names, found = list(TYPES.values()), {}
    for result in image_results(results)[0]:
        labels = cv2.imread(str(truth / "labels" / f"{result.name}.png"), cv2.IMREAD_UNCHANGED).astype(np.int32)
        own = types[types["name"] == result.name].set_index("nucleus")["type"]
        numbers = np.unique(labels[labels > 0])
        dense = np.searchsorted(numbers, labels) + 1
        areas = pixel_areas(np.where(labels > 0, dense, 0).astype(np.int32))
        marks = Marks(list(areas), [TYPES[int(own[number])] for number in numbers], [truth] * len(numbers))
        with open_image(result, truth / "images") as source:
            features = features_of(result, source)
        matched = find_examples(result, marks, features.ids, features.places)
        found[result.name] = features.values[matched.rows], np.array([names.index(one) for one in matched.classes], int)
        print(f"{result.name}: {len(matched.rows)} of {len(numbers)} annotated nuclei matched", flush=True)
    return found


def chosen(held: dict[str, tuple[np.ndarray, np.ndarray]], images: list[str], each: int, seed: int) -> Examples:
    """Draw examples of each class from some images."""
    rng = np.random.default_rng(seed)
    values, truth = (np.concatenate([held[name][part] for name in images]) for part in (0, 1))
    owner = np.repeat(np.arange(len(images)), [len(held[name][1]) for name in images])
    kept = np.concatenate([rng.permutation(np.flatnonzero(truth == place))[:each] for place in range(len(TYPES))])
    return Examples(values[kept], truth[kept], owner[kept], tuple(TYPES.values()))


def tell(learned: Learned, values: np.ndarray) -> np.ndarray:
    """Probabilities, as `Classifier.predict` gives them."""
    return class_probabilities(learned.forest.predict(values), learned.calibration)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("consep", type=Path)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--plain", action="store_true", help="features without pixels")
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    held = measure(arguments.results, arguments.consep)
    if arguments.plain:
        held = {name: (values[:, : len(PLAIN)], truth) for name, (values, truth) in held.items()}
    names, rows = sorted(held), []
    for each, images in SIZES.items():
        for seed in range(arguments.seeds):
            order = np.random.default_rng(seed).permutation(names).tolist()
            half = len(order) // 2
            learned = learn(chosen(held, order[:half][:images], each, seed), seed)
            values, truth = (np.concatenate([held[name][part] for name in order[half:]]) for part in (0, 1))
            scores = score(list(TYPES.values()), truth, tell(learned, values), 1, True)
            inside = learned.scores
            row = {"examples": each, "seed": seed} | {name: one.f1 for name, one in scores.classes.items()}
            row |= {"macro_f1": scores.macro_f1, "accuracy": scores.accuracy, "ece": scores.calibration_error}
            rows.append(row | {"cv_macro_f1": inside.macro_f1, "cv_ece": inside.calibration_error})
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    print(table.groupby("examples").mean().drop(columns="seed").round(3).to_string())
    print(table.groupby("examples").std().drop(columns="seed").round(3).to_string())
    if arguments.out:
        table.round(4).to_csv(arguments.out, index=False)


if __name__ == "__main__":
    main()
