"""Fit a model's probabilities again, on validation images, and score it on MoNuSeg's.

    python benchmarks/shipped_model/recalibrate.py DATASETS [MODEL ...]

DATASETS is made by prepare.sh. Weights and thresholds stay. To be done whenever the way from maps to nuclei changes;
then counts.py and count_error.py.
"""

import argparse
import tempfile
from pathlib import Path

from nuseg.datasets.dataset import Dataset
from nuseg.engines.loading import load_engine
from nuseg.evaluation.dataset import evaluate_dataset
from nuseg.evaluation.report import write_scores
from nuseg.model.store import load_model, save_config, shipped_models
from nuseg.segmentation.segmenter import Segmenter
from nuseg.training.calibrate import calibrate, find_validation_nuclei
from nuseg.training.finish import examples
from nuseg.training.validation import choose_validation

VALIDATED = ("consep", "tnbc", "dsb", "nucls")  # whose nuclei are annotated one by one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", type=Path)
    parser.add_argument("models", nargs="*", default=shipped_models())
    arguments = parser.parse_args()
    items = choose_validation([Dataset.load(arguments.datasets / name) for name in VALIDATED]).images
    for name in arguments.models:
        model = load_model(name)
        shown = examples(Segmenter(model, load_engine(model, "cpu", precision="f32")), items)
        found = [find_validation_nuclei(example, model.config.thresholds) for example in shown]
        with tempfile.TemporaryDirectory() as folder:
            table = evaluate_dataset(arguments.datasets / "monuseg", model=model, device="cpu").table
            scores = {"monuseg": write_scores(table, Path(folder))}
        changes = {"calibration": calibrate(found), "scores": scores}
        print(f"{name}: {len(found)} images, {changes['calibration']}")
        save_config(model.config.model_copy(update=changes), model.path)


if __name__ == "__main__":
    main()
