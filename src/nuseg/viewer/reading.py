"""Nuclei of a layer out of what there is: results in GeoParquet, GeoJSON or label images, a dataset, or memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd
import pyarrow.csv
import pyarrow.parquet as pq
import shapely

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.formats.results import FORMAT as RESULTS
from nuseg.annotations.json_file import read_json
from nuseg.annotations.object_ids import object_id
from nuseg.datasets.dataset import Item as Annotated
from nuseg.datasets.dataset import load_item, load_points, load_table
from nuseg.errors import NusegError
from nuseg.measure.classes import classes_in
from nuseg.measure.outline import outlines as outlines_of
from nuseg.results.batch import NucleiBatch
from nuseg.results.formats.geojson import MEASUREMENTS
from nuseg.text import in_short
from nuseg.types import Floats
from nuseg.viewer.columns import SHOWN
from nuseg.viewer.nuclei import MOST, Nuclei, Outlines

PLACE = {"x_px": "x", "y_px": "y"}
WANTED = ["id", *PLACE, *SHOWN, "class"]
TABLES = ("parquet", ".parquet"), ("csv", ".csv")
DRAWN = ("geojson", ".geojson"), ("geojson", ".geojson.gz"), ("labels", ".tiff")
POINT_UM = 1.5  # half the diagonal of the square that stands for a nucleus known by a point alone
Given = ParamSpec("Given")
Made = TypeVar("Made")


def readable(read: Callable[Given, Made]) -> Callable[Given, Made]:
    """Make whatever libraries raise about a damaged file one clear line; the first argument names the place."""

    @wraps(read)
    def guarded(*given: Given.args, **named: Given.kwargs) -> Made:
        try:
            return read(*given, **named)
        except NusegError:
            raise
        except Exception as error:  # libraries meet damage with exceptions of every kind
            where = given[0].image if isinstance(given[0], Annotated) else given[0]
            raise NusegError(f"{where}: nuclei cannot be read ({in_short(error)}); make them again") from error

    return guarded


@readable
def read_result(folder: Path, name: str, mpp: float | None) -> Nuclei:
    """Read the nuclei that a results folder has of an image, from what is fastest to read.

    Raises
    ------
    NusegError
        There are none, or they are damaged.
    """
    table_of_outlines = folder / "geoparquet" / f"{name}.parquet"
    if table_of_outlines.is_file():
        return from_geoparquet(table_of_outlines, name)
    annotation = RESULTS.load(folder, name)
    files = [file for kind, end in TABLES if (file := folder / kind / f"{name}{end}").is_file()]
    drawn = [file for kind, end in DRAWN if (file := folder / kind / f"{name}{end}").is_file()]
    table = read_table(files[0]) if files else measurements(folder, name)
    return joined(name, table, annotation, mpp, " ".join(map(version_of, files + drawn)))


@readable
def from_geoparquet(path: Path, name: str) -> Nuclei:
    """Read measures at once, and outlines when they are first asked for."""
    table = read_table(path)
    with pq.ParquetFile(path) as file:
        rows = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]

    def outlines(part: int) -> Outlines:
        with pq.ParquetFile(path) as file:
            column = file.read_row_group(part, columns=["geometry"])["geometry"]
        return Outlines.of_geometries(shapely.from_wkb(column.combine_chunks().to_numpy(zero_copy_only=False)))

    return replace(as_nuclei(name, table, outlines, version_of(path)), parts=np.cumsum([0, *rows]))


@readable
def read_table(path: Path) -> pd.DataFrame:
    """Read the columns that are shown, of a table in Parquet or CSV."""
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            check_count(path, file.metadata.num_rows)
            names = file.schema_arrow.names
            table = file.read(columns=[column for column in WANTED if column in names])
    else:
        names = pyarrow.csv.open_csv(path).schema.names
        options = pyarrow.csv.ConvertOptions(include_columns=[column for column in WANTED if column in names])
        table = pyarrow.csv.read_csv(path, convert_options=options)
        check_count(path, table.num_rows)
    missing = [column for column in ("id", *PLACE) if column not in table.column_names]
    if missing:
        raise NusegError(f"{path}: expected a table of nuclei, lacks {', '.join(missing)}; segment the image again")
    frame: pd.DataFrame = table.to_pandas()
    return with_all_classes(frame, names)


def with_all_classes(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Let the column `class` know all classes that a result's columns tell of, since colours depend on all of them."""
    told = classes_in(columns)
    if "class" not in table or not told:
        return table
    known = dict.fromkeys([*told, *table["class"].dropna().unique()])
    return table.assign(**{"class": pd.Categorical(table["class"], list(known))})


def check_count(path: Path, count: int) -> None:
    """Refuse tables of more nuclei than can be shown, before they fill the memory."""
    if count > MOST:
        raise NusegError(f"{path}: has {count:,} nuclei, more than the {MOST:,} that can be shown")


def measurements(folder: Path, name: str) -> pd.DataFrame:
    """Read number and measures of each nucleus from the results' GeoJSON; no rows where there is none."""
    rows: list[dict[str, Any]] = []
    columns = {title: column for column, title in MEASUREMENTS.items()}
    found = [folder / kind / f"{name}{end}" for kind, end in DRAWN if kind == "geojson"]
    path = next((file for file in found if file.is_file()), None)
    content = read_json(path, "GeoJSON by nuseg segment") if path is not None else {}
    for feature in content.get("features", []) if isinstance(content, dict) else []:
        held = feature.get("properties") if isinstance(feature, dict) else None
        properties = held if isinstance(held, dict) else {}
        number = str(properties.get("name", ""))
        if number.isdecimal() and len(number) < 16:
            measures = properties.get("measurements")
            held = measures.items() if isinstance(measures, dict) else ()
            rows.append(
                {"id": int(number)}
                | {
                    columns[title]: value
                    for title, value in held
                    if title in columns and isinstance(value, int | float)
                }
            )
    return pd.DataFrame(rows, columns=["id", *SHOWN])


def joined(name: str, table: pd.DataFrame, annotation: Annotation, mpp: float | None, version: str) -> Nuclei:
    """Bring measures and outlines together by their ids: nothing of either is left out."""
    areas = annotation.areas
    numbers = table["id"].to_numpy(np.int64) if len(table) else np.arange(1, len(areas) + 1)
    places = {own: place for place, own in enumerate(annotation.identifiers) if own is not None}
    found = [places.pop(object_id(name, number), -1) for number in numbers.tolist()]
    used = set(found)
    others = [place for place in range(len(areas)) if place not in used]
    order = [*found, *others]
    extra = np.arange(len(others)) + int(numbers.max(initial=0)) + 1
    shapes = np.array([*areas, shapely.Polygon()], object)[order]
    whole = table.reindex(range(len(order))).assign(id=np.concatenate([numbers, extra]))
    middles = shapely.get_coordinates(shapely.centroid(shapes[[not shape.is_empty for shape in shapes]]))
    drawn = np.flatnonzero(~shapely.is_empty(shapes))
    for axis, column in enumerate(PLACE):
        values = whole.get(column, pd.Series(np.nan, whole.index)).to_numpy(float).copy()
        at = drawn[np.isnan(values[drawn])]
        values[at] = middles[np.searchsorted(drawn, at), axis]
        whole[column] = values
    if "area_um2" not in table or table["area_um2"].isna().all():
        whole["area_um2"] = shapely.area(shapes) * mpp**2 if mpp else np.nan
    named = [annotation.names[place] if place >= 0 else None for place in order]
    held = table.get("class")
    told = held.cat.categories if held is not None and isinstance(held.dtype, pd.CategoricalDtype) else ()
    whole["class"] = pd.Categorical(named, list(dict.fromkeys([*told, *filter(None, named)])))
    ids = tuple(annotation.identifiers[place] if place >= 0 else None for place in order)
    return as_nuclei(name, whole, lambda part: Outlines.of_geometries(shapes), version, ids)


@readable
def read_truth(item: Annotated, classes: Sequence[str]) -> Nuclei:
    """Read the annotated nuclei of an image of a dataset.

    Raises
    ------
    NusegError
        A file is missing or damaged.
    """
    from nuseg.evaluation.counting import centroids  # with all scores, which takes longer than to open the viewer

    if item.label is None:
        points = load_points(item)
        radius = POINT_UM / item.mpp
        square = np.array([[0, -radius], [radius, 0], [0, radius], [-radius, 0]])
        rings: list[Floats] = [square + place for place in points.xy]
        table = pd.DataFrame({"id": np.arange(1, len(rings) + 1), "x_px": points.xy[:, 0], "y_px": points.xy[:, 1]})
        table["class"] = list(points.classes)
        return as_nuclei(item.name, table, lambda part: Outlines.of_rings(rings), "", vocabulary=classes)
    _, labels = load_item(item)
    known = load_table(item)
    x, y = centroids(labels)
    numbers = np.arange(1, len(x) + 1)
    areas = np.bincount(labels.ravel(), minlength=len(x) + 1)[1:] * item.mpp**2
    named = dict(zip(known.labels.tolist(), known.classes, strict=True))
    table = pd.DataFrame({"id": numbers, "x_px": x, "y_px": y, "area_um2": areas})
    table["class"] = [named.get(number) for number in numbers.tolist()]
    return as_nuclei(item.name, table, lambda part: Outlines.of_rings(outlines_of(labels)), "", vocabulary=classes)


def from_batches(name: str, batches: Sequence[NucleiBatch], version: str = "") -> Nuclei:
    """Take the nuclei of a result in memory."""
    whole = NucleiBatch.together(list(batches))
    table = with_all_classes(whole.table, list(map(str, whole.table)))
    return as_nuclei(name, table, lambda part: Outlines.of_rings(whole.polygons), version)


def as_nuclei(
    name: str,
    table: pd.DataFrame,
    outlines: Callable[[int], Outlines],
    version: str,
    ids: tuple[str | None, ...] | None = None,
    vocabulary: Sequence[str] = (),
) -> Nuclei:
    """Pack a table, with `class` where it has one; measures that are not known for any nucleus are left out."""
    columns: Mapping[str, Floats] = {
        PLACE.get(column, column): pd.to_numeric(table[column], errors="coerce").to_numpy(np.float32)
        for column in (*PLACE, *SHOWN)
        if column in table and (column in PLACE or not table[column].isna().all())
    }
    if not all(np.isfinite(columns[axis]).all() for axis in PLACE.values()):
        raise NusegError(f"{name}: nuclei without a place; segment the image again")
    names, index = as_classes(table.get("class"), len(table), vocabulary)
    return Nuclei(
        name=name,
        numbers=table["id"].to_numpy(np.int64),
        columns=columns,
        class_index=index,
        read_outlines=outlines,
        parts=np.array([0, len(table)]),
        class_names=names,
        ids=ids,
        version=version or "1",
    )


def as_classes(
    held: "pd.Series[Any] | None", count: int, vocabulary: Sequence[str]
) -> tuple[tuple[str, ...], np.ndarray]:
    """Number classes in the order of `vocabulary`, then of the categories of the column, or as they come; -1 = none."""
    if held is None:
        return tuple(vocabulary), np.full(count, -1, np.int32)
    if isinstance(held.dtype, pd.CategoricalDtype):
        vocabulary = [*vocabulary, *held.cat.categories]
    texts = held.astype("string")
    names = tuple(dict.fromkeys([*vocabulary, *texts.dropna().unique()]))
    return names, pd.Categorical(texts, categories=list(names)).codes.astype(np.int32)


def version_of(path: Path) -> str:
    """Tell what a file holds now from what it held before."""
    state = path.stat()
    return f"{state.st_mtime_ns:x}-{state.st_size:x}"
