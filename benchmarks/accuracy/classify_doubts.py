"""What `nuseg classify` says of images unlike its examples, and of shares of classes, held against annotated classes.

    nuseg segment consep-train/images -o consep --mpp 0.25
    nuseg segment brca-m2c/images -o brca --mpp 0.5
    python benchmarks/accuracy/classify_doubts.py consep consep-train brca brca-m2c -o rows.csv

For every seed some images of CoNSeP (colon, one laboratory) give examples of each of three classes. The other images of
CoNSeP, and those of BRCA-M2C (breast, many laboratories; `points/NAME.csv`: y, x, class), are told: how many of the
nuclei lie beyond the examples, how many of those with a known class are told rightly, their mean probability, the mean
error of the shares of the classes, and how many of the true shares lie in the intervals.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from classify import TYPES, chosen, measure, tell

from nuseg.classification.examples import Marks, find_examples
from nuseg.classification.features import features_of, open_image
from nuseg.classification.files import image_results
from nuseg.classification.learn import Examples, learn
from nuseg.classification.likeness import reach_of
from nuseg.errors import NusegError
from nuseg.measure.class_counts import share_with_interval

SIZES = ((10, 3), (25, 4), (50, 6))  # examples of each class, and images that they come from
NAMES = tuple(TYPES.values())[1:]  # "other" is not annotated in BRCA-M2C
POINTS = {1: "inflammatory", 2: "epithelial", 3: "spindle-shaped"}
FEWEST = 20  # nuclei of known class of an image that is counted
LIMITS = (0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.01)
Known = dict[str, tuple[np.ndarray, np.ndarray]]


def without_other(held: Known) -> Known:
    """Features and classes without the first of `TYPES`."""
    return {name: (values[truth > 0], truth[truth > 0] - 1) for name, (values, truth) in held.items()}


def measure_points(results: Path, truth: Path) -> Known:
    """Features of the nuclei that points lie on, and the place of their class in `NAMES`."""
    found = {}
    for result in image_results(results)[0]:
        points = pd.read_csv(truth / "points" / f"{result.name}.csv")
        classes = points["class"].map(POINTS).tolist()
        marks = Marks(list(shapely.points(points[["x", "y"]].to_numpy(float))), classes, [truth] * len(classes))
        with open_image(result, truth / "images") as source:
            features = features_of(result, source)
        matched = find_examples(result, marks, features.ids, features.places)
        found[result.name] = features.values[matched.rows], np.array([NAMES.index(one) for one in matched.classes], int)
    return found


def told(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """How an image is told."""
    classes = probabilities.argmax(axis=1)
    counts, true = (np.bincount(one, minlength=len(NAMES)) for one in (classes, truth))
    shares = true / true.sum()
    intervals = [share_with_interval(count, len(classes)) for count in counts.tolist()]
    inside = [low <= share <= high for share, (_, low, high) in zip(shares, intervals, strict=True)]
    return {
        "accuracy": float((classes == truth).mean()),
        "mean_probability": float(probabilities.max(axis=1).mean()),
        "share_error": float(np.abs(counts / counts.sum() - shares).mean()),
        "shares_inside": float(np.mean(inside)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("consep_results", "consep", "brca_results", "brca"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    annotated = measure(arguments.consep_results, arguments.consep)
    sets = {"consep": without_other(annotated), "brca": measure_points(arguments.brca_results, arguments.brca)}
    rows = []
    for each, images in SIZES:
        for seed in range(arguments.seeds):
            order = np.random.default_rng(seed).permutation(sorted(annotated)).tolist()
            drawn = chosen(annotated, order[:images], each, seed)
            own = drawn.truth > 0
            examples = Examples(drawn.values[own], drawn.truth[own] - 1, drawn.images[own], NAMES)
            try:
                learned = learn(examples, seed)
            except NusegError as error:  # a class has too few on these images
                print(f"{each} examples, {images} images, seed {seed}: {error}")
                continue
            reach = reach_of(examples.values)
            for which, held in sets.items():
                for name, (values, truth) in held.items():
                    if len(truth) < FEWEST:
                        continue
                    row = {"examples": each, "images": images, "seed": seed, "set": which, "name": name}
                    row |= {"marked": which == "consep" and name in order[:images], "unlike": reach.unlike(values)}
                    rows.append(row | told(truth, tell(learned, values)))
    table = pd.DataFrame(rows)
    kinds = dict.fromkeys(("unlike", "accuracy", "mean_probability", "share_error", "shares_inside"), "mean")
    print(table.groupby(["examples", "images", "set", "marked"])["unlike"].describe().round(2).to_string())
    table = table[~table["marked"]].drop(columns="marked")
    table["beyond"] = pd.cut(table["unlike"], LIMITS, right=False).astype(str)
    for keys in (["beyond"], ["examples", "images", "set"]):
        groups = table.groupby(["examples", "images", "beyond"] if keys == ["beyond"] else keys)
        print(groups.agg(kinds).assign(rows=groups.size()).round(3).to_string())
    if arguments.out:
        groups = table.groupby(["examples", "images", "seed", "set", "beyond"])
        groups.agg(kinds).assign(rows=groups.size()).round(4).to_csv(arguments.out)


if __name__ == "__main__":
    main()
