"""What lies in a region that somebody drew: count with its interval, density, classes, measures; and as a table."""

import csv
import io
from typing import Any, TypeGuard

import numpy as np
import shapely

from nuseg.annotations.polygons import area, contains
from nuseg.measure.counts import CountError, count_interval
from nuseg.types import Integers
from nuseg.viewer.columns import SHOWN
from nuseg.viewer.items import Item
from nuseg.viewer.nuclei import Nuclei
from nuseg.viewer.security import Refused

MOST_POINTS = 20_000  # of a region
MOST_INDICES = 200_000  # that one answer names
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a text that begins so is a formula to spreadsheets


def read_region(body: dict[str, Any]) -> shapely.Geometry:
    """Make an area of the polygon that a request brings.

    Raises
    ------
    Refused
        It is none, or has too many corners.
    """
    given = body.get("polygon")
    if not isinstance(given, list) or not 3 <= len(given) <= MOST_POINTS:
        raise Refused(400, f"polygon: expected a list of 3 to {MOST_POINTS:,} corners [x, y]")
    if not all(isinstance(point, list) and len(point) == 2 and all(map(is_number, point)) for point in given):
        raise Refused(400, "polygon: expected corners [x, y] in px")
    try:
        return area([np.array(given, np.float64)])
    except (ValueError, OverflowError) as error:
        raise Refused(400, f"polygon: {error}") from None


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value of JSON is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def inside(nuclei: Nuclei, region: shapely.Geometry) -> Integers:
    """Indices of the nuclei whose centroids lie in a region, ascending."""
    if region.is_empty:
        return np.zeros(0, np.intp)
    left, top, right, bottom = region.bounds
    near = nuclei.in_box(left, top, np.nextafter(right, np.inf), np.nextafter(bottom, np.inf))
    x, y = (nuclei.columns[axis][near].astype(np.float64) for axis in ("x", "y"))
    found: Integers = near[contains(region, x, y)]
    return found


def statistics(nuclei: Nuclei, item: Item, region: shapely.Geometry, error: CountError | None) -> dict[str, Any]:
    """Say what lies in a region.

    Parameters
    ----------
    nuclei : Nuclei
    item : Item
    region : shapely.Geometry
        In px of level 0; what lies outside of the image has no area.
    error : CountError, optional
        How far the model's counts may be off.

    Returns
    -------
    dict
        `area_um2` and `density_per_mm2` (None without a resolution), `count` and the interval `low`, `high` of it,
        `classes` with `count` and `share`, `measures` with `mean` and `median`, `indices`.
    """
    chosen = inside(nuclei, region)
    pixels = shapely.area(shapely.intersection(region, shapely.box(0, 0, item.width, item.height)))
    area_um2 = float(pixels) * item.mpp**2 if item.mpp else None
    low, high = count_interval(len(chosen), error) or (None, None)
    index = nuclei.class_index[chosen]
    counts = np.bincount(index[index >= 0], minlength=len(nuclei.class_names))
    measures = {}
    for name, values in nuclei.columns.items():
        known = values[chosen][np.isfinite(values[chosen])].astype(np.float64)
        if name in SHOWN and len(known):
            measures[name] = {"mean": float(known.mean()), "median": float(np.median(known))}
    return {
        "area_um2": area_um2,
        "count": len(chosen),
        "low": low,
        "high": high,
        "density_per_mm2": len(chosen) / area_um2 * 1e6 if area_um2 else None,
        "classes": [
            {"name": name, "count": int(count), "share": int(count) / len(chosen) if len(chosen) else 0.0}
            for name, count in zip(nuclei.class_names, counts, strict=True)
        ],
        "measures": measures,
        "indices": chosen[:MOST_INDICES].tolist(),
    }


def as_csv(nuclei: Nuclei, region: shapely.Geometry) -> str:
    """Write the nuclei of a region as CSV: id, place, measures to 4 decimals, class."""
    names = ["x", "y", *(name for name in SHOWN if name in nuclei.columns)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "x_px", "y_px", *names[2:], *(["class"] if nuclei.class_names else [])])
    for index in inside(nuclei, region).tolist():
        values = [f"{nuclei.columns[name][index]:.4f}" for name in names]
        kind = [as_text(nuclei.class_of(index) or "")] if nuclei.class_names else []
        writer.writerow([int(nuclei.numbers[index]), *values, *kind])
    return text.getvalue()


def as_text(value: str) -> str:
    """Keep a spreadsheet from taking a text of a file for a formula."""
    return f"'{value}" if value.startswith(FORMULA) else value
