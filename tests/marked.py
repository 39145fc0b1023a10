"""Images with two kinds of nuclei, their results, and nuclei that somebody marked on them."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dark_model import save_dark_model
from nuseg.io.image import write_png
from nuseg.segmentation.folder import segment_folder

NAMES = ("a", "b", "c")
STEP = 24  # px from nucleus to nucleus
SIZES = {"small": (6, 6), "long": (6, 16)}  # height and width (px)


def two_kinds(seed: int, across: int = 5) -> tuple[np.ndarray, list[tuple[str, int, int]]]:
    """A pink field of `across` x `across` nuclei: pixels, and class, left and top (px) of each."""
    rng = np.random.default_rng(seed)
    pixels = np.full((across * STEP, across * STEP, 3), (225, 170, 205), np.uint8)
    pixels -= rng.integers(0, 12, pixels.shape, np.uint8)
    nuclei = []
    for number in range(across**2):
        kind = list(SIZES)[int(rng.integers(2))]
        left, top = number % across * STEP + 3, number // across * STEP + 8
        height, width = SIZES[kind]
        pixels[top : top + height, left : left + width] = (70, 40, 110)
        nuclei.append((kind, left, top))
    return pixels, nuclei


def segmented(folder: Path, outputs: Sequence[str] | None = None) -> Path:
    """Write the images and their results; gives the folder of results."""
    for seed, name in enumerate(NAMES):
        write_png(folder / "images" / f"{name}.png", two_kinds(seed)[0])
    save_dark_model(folder / "model")
    segment_folder(folder / "images", folder / "results", outputs, mpp=0.25, model=folder / "model", threads=1)
    return folder / "results"


def feature(kind: str | None, geometry: dict[str, object]) -> dict[str, object]:
    """An object as QuPath exports it."""
    about = {"objectType": "annotation"} | ({"classification": {"name": kind, "color": [9, 8, 7]}} if kind else {})
    return {"type": "Feature", "geometry": geometry, "properties": about}


def box(left: float, top: float, width: float, height: float) -> dict[str, object]:
    """A rectangle in GeoJSON."""
    right, bottom = left + width, top + height
    return {
        "type": "Polygon",
        "coordinates": [[[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]],
    }


def write_marks(folder: Path, names: Sequence[str] = NAMES[:2]) -> Path:
    """Mark every nucleus of some images, by points and outlines in turn."""
    folder.mkdir(exist_ok=True)
    for name in names:
        marks = []
        for number, (kind, left, top) in enumerate(two_kinds(NAMES.index(name))[1]):
            height, width = SIZES[kind]
            point = {"type": "Point", "coordinates": [left + width / 2, top + height / 2]}
            marks.append(feature(kind, box(left - 1, top - 1, width + 2, height + 2) if number % 2 else point))
        write_features(folder / f"{name}.geojson", marks)
    return folder


def write_features(path: Path, marks: list[dict[str, object]]) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": marks}), encoding="utf-8")
    return path
