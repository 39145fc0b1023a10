"""After the last epoch: tune the thresholds, export the model, score it on the test images, draw what happened."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from nuseg.datasets.dataset import Dataset, Item, load_pixels, load_with_ignore
from nuseg.engines.loading import load_engine
from nuseg.engines.maps import quantise
from nuseg.engines.processor import has_bf16
from nuseg.evaluation.report import score_image, write_scores
from nuseg.evaluation.scoring import with_groups
from nuseg.io.atomic import atomic_folder
from nuseg.io.opening import open_source
from nuseg.model.config import ModelConfig, Precision
from nuseg.model.export import save_model
from nuseg.model.store import Model, save_config
from nuseg.plot.training import draw_curves, draw_predictions
from nuseg.progress import ProgressCallback, tracked
from nuseg.segmentation.resample import resample
from nuseg.segmentation.segmenter import Segmenter
from nuseg.segmentation.tiling import predict_maps
from nuseg.training.calibrate import calibrate, find_validation_nuclei, measure_counts
from nuseg.training.class_choice import fit_classes, points_scores, scores_of_classes
from nuseg.training.module import Training
from nuseg.training.run_files import read_log
from nuseg.training.run_folder import MODEL
from nuseg.training.tune import Example, score_thresholds, tune_thresholds

# How much validation AJI a faster precision may cost.
AJI_TOLERANCE = 0.005
CALIBRATION_SIDE, CALIBRATION_IMAGES = 256, 48


def finish(module: Training, datasets: Sequence[Dataset], run: Path, progress: ProgressCallback | None = None) -> Model:
    """Tune, export, test and draw; the model comes last, and whole: a run that has one is finished.

    Parameters
    ----------
    module
        With the weights of its best epoch.
    datasets
        As trained on.
    run
        Run folder; gets the plots, `test/` and `model/`.
    progress
        Called after every image and every value of a threshold.
    """
    items = [(item, dataset) for item, dataset in module.validation if dataset.annotation == "instance"]
    config = module.model_config
    if items and not module.frozen:
        config = fit_to_images(config, examples(module.segmenter(), items, progress), progress)
    if config.classes:
        segmenter = Segmenter(Model(config, Path()), module.segmenter().engine)
        chosen = tracked(module.validation, "calibrating classes", progress)
        config = config.model_copy(update={"class_calibration": fit_classes(segmenter, chosen)})
    calibration = calibration_images(datasets, config.mpp) if items and module.config.export.int8 else ()
    draw_curves(read_log(run / "log.csv"), run / "curves.png")
    with atomic_folder(run / MODEL) as folder:
        model = save_model(module.result(), config, folder, calibration)
        if items:
            model = choose_precision(model, items, progress)
        scores = test(model, datasets, run, progress)
        model = save_config(model.config.model_copy(update={"scores": scores}), folder)
    return replace(model, path=run / MODEL)


def fit_to_images(config: ModelConfig, shown: Sequence[Example], progress: ProgressCallback | None) -> ModelConfig:
    """Search the thresholds on images, from those there are, then fit calibration and expected count error to them."""
    thresholds = tune_thresholds(shown, config.thresholds, progress=progress)
    found = [find_validation_nuclei(example, thresholds) for example in tracked(shown, "calibrating", progress)]
    changes = {"thresholds": thresholds, "calibration": calibrate(found), "count_error": measure_counts(found)}
    return config.model_copy(update=changes)


def examples(
    segmenter: Segmenter, items: Sequence[tuple[Item, Dataset]], progress: ProgressCallback | None = None
) -> list[Example]:
    """Maps of validation images, quantised."""
    made = []
    for item, dataset in tracked(items, "validation images", progress):
        pixels, labels, ignore = load_with_ignore(item)
        model = segmenter.model.config
        at_model = resample(open_source(pixels), item.mpp, model.mpp)
        maps = quantise(predict_maps(segmenter.engine, at_model, model))
        made.append(Example(pixels, maps, labels, item.mpp, dataset.name, model, ignore))
    return made


def calibration_images(datasets: Sequence[Dataset], mpp: float) -> list[np.ndarray]:
    """The middles of training images at the model's resolution, evenly from every dataset."""
    chosen = []
    for dataset in datasets:
        items = dataset.split("train")
        step = max(1, len(items) * len(datasets) // CALIBRATION_IMAGES)
        for item in items[::step]:
            pixels = resample(open_source(load_pixels(item)), item.mpp, mpp)
            y, x = (max(0, side // 2 - CALIBRATION_SIDE // 2) for side in pixels.shape[:2])
            chosen.append(np.ascontiguousarray(pixels[y : y + CALIBRATION_SIDE, x : x + CALIBRATION_SIDE]))
    return chosen


def choose_precision(
    model: Model, items: Sequence[tuple[Item, Dataset]], progress: ProgressCallback | None = None
) -> Model:
    """Let the CPU run in the fastest precision that keeps the nuclei of validation images; all scores are recorded."""
    precisions: list[Precision] = ["f32"]  # from slow to fast
    if has_bf16():
        precisions.append("bf16")
    if model.graph("int8").is_file():
        precisions.append("int8")
    scores = {}
    for precision in precisions:
        segmenter = Segmenter(model, load_engine(model, "cpu", precision=precision))
        scores[precision] = score_thresholds(examples(segmenter, items, progress), model.config.thresholds)
    enough = scores["f32"]["aji"] - AJI_TOLERANCE
    chosen = [precision for precision in precisions if scores[precision]["aji"] > enough][-1]
    if chosen != "int8":
        model.graph("int8").unlink(missing_ok=True)
    changes = {"precision": chosen, "training": {**model.config.training, "validation_by_precision": scores}}
    return save_config(model.config.model_copy(update=changes), model.path)


def test(
    model: Model, datasets: Sequence[Dataset], run: Path, progress: ProgressCallback | None
) -> dict[str, dict[str, dict[str, float | None]]]:
    """Score the exported model on each dataset's test images; also draws the sheet of predictions.

    Returns
    -------
    dict
        Dataset name: score name: mean, low, high.
    """
    segmenter = Segmenter(model, load_engine(model, "cpu"))
    scores, drawn = {}, []
    for dataset in datasets:
        rows, groups = [], {}
        for item in tracked(dataset.split("test"), f"test {dataset.name}", progress):
            if item.label is None:
                score = points_scores(segmenter, item)
                rows.append({"name": item.name, **score})
                groups[item.name] = item.group
                continue
            pixels, truth, ignore = load_with_ignore(item)
            result = segmenter(pixels, item.mpp)
            found = result.labels
            score = score_image(truth, found, dataset.annotation == "instance", ignore)
            if segmenter.model.config.classes:
                score |= scores_of_classes(item, result.nuclei, ignore)
            rows.append({"name": item.name, **score})
            groups[item.name] = item.group
            drawn.append((f"{dataset.name} {item.name}", pixels, truth, found, score))
        if rows:
            scores[dataset.name] = write_scores(with_groups(pd.DataFrame(rows), groups), run / "test" / dataset.name)
    if drawn:
        draw_predictions(drawn, run / "predictions.png")
    return scores
