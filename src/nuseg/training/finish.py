"""After the last epoch: tune the thresholds, export the model, score it on the test images, draw what happened."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from nuseg.datasets.dataset import Dataset, Item, load_item
from nuseg.engines.loading import has_bf16, load_engine
from nuseg.evaluation.report import score_image, write_scores
from nuseg.io.opening import open_source
from nuseg.model.config import ModelConfig, Precision
from nuseg.model.export import save_model
from nuseg.model.store import Model, save_config
from nuseg.plot.training import draw_curves, draw_predictions
from nuseg.segmentation.postprocess import quantise
from nuseg.segmentation.resample import resample
from nuseg.segmentation.segmenter import Segmenter
from nuseg.segmentation.tiling import predict_maps
from nuseg.training.calibrate import calibrate, find_validation_nuclei, measure_counts
from nuseg.training.module import Training
from nuseg.training.run_files import read_log
from nuseg.training.tune import Example, score_thresholds, tune_thresholds

# How much validation AJI a faster precision may cost.
AJI_TOLERANCE = 0.005
CALIBRATION_SIDE, CALIBRATION_IMAGES = 256, 48
T = TypeVar("T")


def finish(module: Training, datasets: Sequence[Dataset], run: Path) -> Model:
    """Tune, export, test and draw.

    Parameters
    ----------
    module
        With the weights of its best epoch.
    datasets
        As trained on.
    run
        Run folder; gets `model/`, `test/` and the plots.
    """
    items = [(item, dataset) for item, dataset in module.validation if dataset.annotation == "instance"]
    config = module.model_config
    if items:
        config = fit_to_images(config, examples(module.segmenter(), items))
    calibration = calibration_images(datasets, config.mpp) if items and module.config.export.int8 else ()
    model = save_model(module.result(), config, run / "model", calibration)
    if items:
        model = choose_precision(model, items)
    scores = test(model, datasets, run)
    model = save_config(model.config.model_copy(update={"scores": scores}), model.path)
    draw_curves(read_log(run / "log.csv"), run / "curves.png")
    return model


def fit_to_images(config: ModelConfig, shown: Sequence[Example]) -> ModelConfig:
    """Search the thresholds on images, from those there are, then fit calibration and expected count error to them."""
    thresholds = tune_thresholds(shown, config.thresholds)
    found = [find_validation_nuclei(example, thresholds) for example in shown]
    changes = {"thresholds": thresholds, "calibration": calibrate(found), "count_error": measure_counts(found)}
    return config.model_copy(update=changes)


def examples(segmenter: Segmenter, items: Sequence[tuple[Item, Dataset]]) -> list[Example]:
    """Maps of validation images, quantised."""
    made = []
    for item, dataset in tell("validation", items):
        pixels, labels = load_item(item)
        model = segmenter.model.config
        at_model = resample(open_source(pixels), item.mpp, model.mpp)
        maps = quantise(predict_maps(segmenter.engine, at_model, model))
        made.append(Example(pixels, maps, labels, item.mpp, dataset.name, model))
    return made


def calibration_images(datasets: Sequence[Dataset], mpp: float) -> list[np.ndarray]:
    """The middles of training images at the model's resolution, evenly from every dataset."""
    chosen = []
    for dataset in datasets:
        items = dataset.split("train")
        step = max(1, len(items) * len(datasets) // CALIBRATION_IMAGES)
        for item in items[::step]:
            pixels = resample(open_source(load_item(item)[0]), item.mpp, mpp)
            y, x = (max(0, side // 2 - CALIBRATION_SIDE // 2) for side in pixels.shape[:2])
            chosen.append(np.ascontiguousarray(pixels[y : y + CALIBRATION_SIDE, x : x + CALIBRATION_SIDE]))
    return chosen


def choose_precision(model: Model, items: Sequence[tuple[Item, Dataset]]) -> Model:
    """Let the CPU run in the fastest precision that keeps the nuclei of validation images; all scores are recorded."""
    precisions: list[Precision] = ["f32"]  # from slow to fast
    if has_bf16():
        precisions.append("bf16")
    if model.graph("int8").is_file():
        precisions.append("int8")
    scores = {}
    for precision in precisions:
        segmenter = Segmenter(model, load_engine(model, "cpu", precision=precision))
        scores[precision] = score_thresholds(examples(segmenter, items), model.config.thresholds)
    enough = scores["f32"]["aji"] - AJI_TOLERANCE
    chosen = [precision for precision in precisions if scores[precision]["aji"] > enough][-1]
    if chosen != "int8":
        model.graph("int8").unlink(missing_ok=True)
    changes = {"precision": chosen, "training": {**model.config.training, "validation_by_precision": scores}}
    return save_config(model.config.model_copy(update=changes), model.path)


def test(model: Model, datasets: Sequence[Dataset], run: Path) -> dict[str, dict[str, dict[str, float | None]]]:
    """Score the exported model on each dataset's test images; also draws the sheet of predictions.

    Returns
    -------
    dict
        Dataset name: score name: mean, low, high.
    """
    segmenter = Segmenter(model, load_engine(model, "cpu"))
    scores, drawn = {}, []
    for dataset in datasets:
        rows = []
        for item in tell(f"test {dataset.name}", dataset.split("test")):
            pixels, truth = load_item(item)
            found = segmenter(pixels, item.mpp).labels
            score = score_image(truth, found, instance=dataset.annotation == "instance")
            rows.append({"name": item.name, **score})
            drawn.append((f"{dataset.name} {item.name}", pixels, truth, found, score))
        if rows:
            scores[dataset.name] = write_scores(pd.DataFrame(rows), run / "test" / dataset.name)
    if drawn:
        draw_predictions(drawn, run / "predictions.png")
    return scores


def tell(what: str, items: Sequence[T]) -> Iterator[T]:
    """Show on stderr how far a loop over images is."""
    console = Console(stderr=True)
    yield from track(items, what, console=console, transient=True, disable=not console.is_terminal)
