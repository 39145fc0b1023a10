"""Nuclei as QuPath detections in GeoJSON.

QuPath reads such a file by drag and drop or File > Import objects, also compressed (`.geojson.gz`).
Coordinates are pixels of the full image from its upper left corner, as QuPath counts them."""

import gzip
import io
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import orjson
import pandas as pd

from nuseg.annotations.object_ids import object_id
from nuseg.io.atomic import atomic_path
from nuseg.measure.classes import CLASS, class_colours, classes_in, probability_column
from nuseg.results.areas import COLUMNS as AREA_COLUMNS
from nuseg.results.batch import NucleiBatch
from nuseg.results.output import Add, Output
from nuseg.types import Floats

CLASSIFICATION = {"name": "Nucleus", "color": [0, 255, 0]}

# Column of the table: name in QuPath, which writes units so.
MEASUREMENTS = {
    "area_um2": "Area µm^2",
    "perimeter_um": "Perimeter µm",
    "diameter_um": "Equivalent diameter µm",
    "major_axis_um": "Major axis µm",
    "minor_axis_um": "Minor axis µm",
    "eccentricity": "Eccentricity",
    "solidity": "Solidity",
    "haematoxylin_od": "Haematoxylin OD mean",
    "eosin_od": "Eosin OD mean",
    "probability": "Probability",
}
DECIMALS = 3  # of coordinates: a thousandth of a pixel


def feature(
    name: str,
    number: int,
    ring: Floats,
    measures: Mapping[Hashable, float],
    metadata: Mapping[Hashable, str],
    classification: Mapping[str, Any] = CLASSIFICATION,
) -> dict[str, Any]:
    """Make one detection: a closed ring `(k, 2)` of x, y with its measures, its metadata and its class.

    Its id is made of the image's name and the nucleus' number alone, so that QuPath notices objects that it
    has already.
    """
    return {
        "type": "Feature",
        "id": object_id(name, number),
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            "objectType": "detection",
            "name": str(number),
            "classification": classification,
            "measurements": measures,
            **({"metadata": metadata} if metadata else {}),
        },
    }


def closed_rings(polygons: Sequence[Floats]) -> list[Floats]:
    """Round polygons `(k, 2)`, and repeat the first point of each at its end."""
    if not polygons:
        return []
    ends = np.cumsum([len(polygon) + 1 for polygon in polygons])
    points = np.concatenate([piece for polygon in polygons for piece in (polygon, polygon[:1])]).round(DECIMALS)
    return [points[begin:end] for begin, end in zip([0, *ends.tolist()], ends.tolist(), strict=False)]


@contextmanager
def opened(path: Path, name: str, about: Mapping[str, Any] | None = None) -> Iterator[Add]:
    """Open a FeatureCollection to add nuclei to; the file appears when the block ends well.

    Parameters
    ----------
    path : Path
        Where to write; gzipped if the name ends in `.gz`.
    name : str
        Name of the image.
    about : mapping, optional
        What the collection says of its origin, as its member `nuseg`; QuPath passes over it.

    Yields
    ------
    function
        Adds a batch; the column `id` becomes the object's name, so that table and QuPath agree.
    """
    with atomic_path(path) as temporary, open_text(temporary) as file:
        separator = ""

        def add(batch: NucleiBatch) -> None:
            nonlocal separator
            classes = classes_in(list(map(str, batch.table)))
            names = MEASUREMENTS | {probability_column(one): f"Probability {one}" for one in classes}
            rows = batch.table[list(names)].rename(columns=names).round(4).to_dict("records")
            held = [column for column in AREA_COLUMNS if column in batch.table]
            texts = batch.table[held].to_dict("records") if held else repeat({}, len(batch))
            numbers, kinds = batch.table["id"].tolist(), classifications(batch.table, classes)
            rings = closed_rings(batch.polygons)
            for number, ring, measures, metadata, kind in zip(numbers, rings, rows, texts, kinds, strict=True):
                detection = feature(name, number, ring, measures, metadata, kind)
                file.write(separator + orjson.dumps(detection, option=orjson.OPT_SERIALIZE_NUMPY).decode())
                separator = ",\n"

        origin = f'"nuseg":{orjson.dumps(dict(about)).decode()},' if about else ""
        file.write(f'{{"type":"FeatureCollection",{origin}"features":[')
        yield add
        file.write("]}")


def classifications(table: pd.DataFrame, classes: Sequence[str]) -> list[Mapping[str, Any]]:
    """The classification of each nucleus as QuPath has it: its class with the colour, else the plain one."""
    if not classes:
        return [CLASSIFICATION] * len(table)
    known = {name: {"name": name, "color": list(colour)} for name, colour in class_colours(classes).items()}
    return [known[name] for name in table[CLASS].tolist()]


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a file for text in UTF-8, compressed where its name ends in `.gz`; the same text gives the same bytes."""
    if path.suffix != ".gz":
        with path.open("w", encoding="utf-8", newline="") as text:
            yield text
        return
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        yield text


OUTPUT = Output(
    name="geojson",
    suffix=".geojson",
    help="outlines, measures and classes as QuPath detections",
    open=lambda path, result: opened(path, path.name.removesuffix(".gz").removesuffix(".geojson"), result.info.about()),
    default_for=("image", "slide"),
    beside=True,
)
