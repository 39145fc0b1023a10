"""What fewer views than the eight of `--quality best` gain: AJI and PQ of their mean maps.

    python benchmarks/accuracy/views.py DATASETS [--model default ...]

Of several models of one resolution the mean of their maps is scored; thresholds are those of the first.

DATASETS is made by benchmarks/shipped_model/prepare.sh. CoNSeP and TNBC are their validation images, MoNuSeg its 30.
A view is written as quarter turns, with an m where the image is mirrored before.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from nuseg.datasets.dataset import Dataset, load_with_ignore
from nuseg.engines.engine import Engine
from nuseg.engines.loading import load_engine
from nuseg.engines.maps import quantise
from nuseg.engines.tta import VIEWS, to_whole_strides, turned_back, view_of
from nuseg.io.opening import open_source
from nuseg.model.store import load_model
from nuseg.segmentation.resample import resample
from nuseg.segmentation.tiling import predict_maps
from nuseg.training.tune import Example, score_thresholds

SETS = (("consep", "validation"), ("tnbc", "validation"), ("monuseg", "test"))
CHOICES = ("0", "0 2m", "0 1", "0 1m", "0 1 2m", "0 1m 2", "0 1m 3", "0 1 2 3", "0 1m 2 3m", "0 1 2m 3m")


def views_named(names: str) -> list[tuple[int, bool]]:
    """Views by their names."""
    return [(int(name[0]), name.endswith("m")) for name in names.split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", type=Path)
    parser.add_argument("--model", nargs="+", default=["default"])
    arguments = parser.parse_args()
    models = [load_model(name) for name in arguments.model]
    engines, first = [load_engine(model, "cpu") for model in models], models[0].config
    if any((model.config.mpp, model.config.maps) != (first.mpp, first.maps) for model in models):
        parser.error("expected models of one resolution, with the same maps")
    shown: list[tuple[Example, dict[tuple[int, bool], np.ndarray]]] = []

    def maps_of(pixels: np.ndarray, view: tuple[int, bool]) -> np.ndarray:
        def seen(engine: Engine, stride: int, batch: np.ndarray) -> np.ndarray:
            height, width = batch.shape[1:3]
            seen_so = engine(view_of(to_whole_strides(batch, stride), *view))
            return turned_back(seen_so, *view)[..., :height, :width]

        configs = [model.config for model in models]
        each = [
            predict_maps(partial(seen, engine, config.stride), pixels, config)
            for engine, config in zip(engines, configs, strict=True)
        ]
        return np.mean(each, axis=0, dtype=np.float32)

    items = [(item, name) for name, split in SETS for item in Dataset.load(arguments.datasets / name).split(split)]
    for item, name in track(items, "views", console=Console(stderr=True)):
        pixels, truth, ignore = load_with_ignore(item)
        at_model = resample(open_source(pixels), item.mpp, first.mpp)
        example = Example(pixels, np.empty(0), truth, item.mpp, name, first, ignore)
        shown.append((example, {view: maps_of(at_model, view) for view in VIEWS}))
    print("| views | " + " | ".join(f"{name}, AJI / PQ" for name, _ in SETS) + " |\n|---" + "|---" * len(SETS) + "|")
    for title, views in [*((names, views_named(names)) for names in CHOICES), ("all eight", VIEWS)]:
        print(f"| {title} | " + " | ".join(scores(shown, views, name) for name, _ in SETS) + " |")


def scores(
    shown: Sequence[tuple[Example, dict[tuple[int, bool], np.ndarray]]], views: Sequence[tuple[int, bool]], name: str
) -> str:
    """Mean AJI and PQ of a dataset's images, by the mean of some views."""
    averaged = [
        replace(example, maps=quantise(np.mean([maps[view] for view in views], axis=0, dtype=np.float32)))
        for example, maps in shown
        if example.dataset == name
    ]
    score = score_thresholds(averaged, averaged[0].model.thresholds)
    return f"{score['aji']:.3f} / {score['pq']:.3f}"


if __name__ == "__main__":
    main()
