"""Fit a shipped model's thresholds, calibration and expected count error to images of sets that it has not seen.

    python benchmarks/shipped_model/unseen.py DATASETS default|fast

Most users' images are of no set that a shipped model was trained on, and on such images other thresholds are good
than on the validation images of those sets. So each of consep and tnbc is segmented by a model of the same kind that
was trained without it (`benchmarks/accuracy/run.py DATASETS unseen`, with the experiment `recipe` or `fast`), and
DATASETS/runs/NAME/model gets what fits these images best. It is tested again on monuseg.
"""

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console

from nuseg.data.dataset import Dataset
from nuseg.evaluation.calibration import expected_calibration_error
from nuseg.infer.segment import Segmenter
from nuseg.measure.confidence import confidence
from nuseg.model.store import load_model, save_config
from nuseg.training.calibrate import find_validation_nuclei
from nuseg.training.finish import examples, fit_to_images, test
from nuseg.training.tune import Example, score_thresholds

EXPERIMENTS = {"default": "recipe", "fast": "fast"}
SETS = ("consep", "tnbc")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", type=Path)
    parser.add_argument("name", choices=EXPERIMENTS)
    arguments = parser.parse_args()
    without = arguments.datasets / "runs" / "accuracy" / "unseen" / f"{EXPERIMENTS[arguments.name]}-0"
    run = arguments.datasets / "runs" / arguments.name
    model = load_model(run)
    shown: dict[str, list[Example]] = {}
    for name in SETS:
        dataset = Dataset.load(arguments.datasets / name)
        segmenter = Segmenter.load(without / name, "cpu")
        shown[name] = examples(segmenter, [(item, dataset) for item in dataset.items])

    console = Console()
    console.print("mean of a set that the model has not seen, AJI / PQ / expected calibration error, fitted to ...")
    for tested, fitted in zip(SETS, reversed(SETS), strict=True):
        before, other = load_model(without / tested).config, fit_to_images(model.config, shown[fitted])
        for what, config in (("its validation images, of the sets it was trained on", before), (fitted, other)):
            scores = score_thresholds(shown[tested], config.thresholds)
            found = [find_validation_nuclei(example, config.thresholds) for example in shown[tested]]
            stated = [confidence(image.certainty, config.calibration) for image in found]
            error = expected_calibration_error(*map(np.concatenate, (stated, [image.matched for image in found])))
            console.print(f"  {tested}: {scores['aji']:.3f} / {scores['pq']:.3f} / {error:.3f}, {what}")

    config = fit_to_images(model.config, [example for name in SETS for example in shown[name]])
    fitted_to = [f"{name}, segmented by a model that was trained without it" for name in SETS]
    config = config.model_copy(update={"training": {**config.training, "thresholds_fitted_to": fitted_to}})
    model = save_config(config, model.path)
    scores = test(model, [Dataset.load(arguments.datasets / "monuseg")], run)
    save_config(config.model_copy(update={"scores": scores}), model.path)
    console.print(config.thresholds)
    console.print({name: round(score["mean"], 4) for name, score in scores["monuseg"].items()})


if __name__ == "__main__":
    main()
