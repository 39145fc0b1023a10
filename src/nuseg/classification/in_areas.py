"""Classes of the nuclei in annotated areas."""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

from nuseg.classification.files import TABLES, ImageResult
from nuseg.classification.told import Told
from nuseg.io.atomic import atomic_path
from nuseg.results.annotated import COLUMNS, class_columns, read_kept
from nuseg.results.areas import NAME
from nuseg.results.summary import COUNT, DENSITY

DECIMALS = 2  # of densities


def area_names(result: ImageResult) -> list[str]:
    """Name of the annotated area that holds each nucleus, in the order of its table; empty where none was annotated."""
    kind, path = result.first(TABLES, "a table of nuclei")
    if kind == "csv":
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            head = next(rows, [])
            return [row[head.index(NAME)] for row in rows] if NAME in head else []
    import pyarrow.parquet as pq

    known = NAME in pq.read_schema(path).names
    return list(map(str, pq.read_table(path, columns=[NAME])[NAME].to_pylist())) if known else []


def count_in_areas(told: Told) -> dict[str, dict[str, int]]:
    """Count the nuclei of each class in every annotated area, of areas that lie over each other in the smallest."""
    pairs = Counter(zip(area_names(told.result), told.classes.tolist(), strict=False))
    return {
        area: {name: pairs[area, place] for place, name in enumerate(told.names)}
        for area in dict.fromkeys(area for area, _ in pairs)
    }


def classes_of(told: Told, counts: dict[str, dict[str, int]], area: str, nuclei: int) -> dict[str, int]:
    """Nuclei of each class in an area that holds so many; empty where a smaller area within it has some of them."""
    own = counts.get(area, dict.fromkeys(told.names, 0))
    return own if sum(own.values()) == nuclei else {}


def write_areas(told: Told, source: Path, path: Path) -> None:
    """Write what was counted in annotated areas, with classes."""
    counts = count_in_areas(told)
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, [*COLUMNS, *class_columns(told.names)], lineterminator="\n")
        table.writeheader()
        for row in read_kept(source):
            own = classes_of(told, counts, row["annotation"], int(row["nuclei"]))
            area = float(row["area_mm2"] or 0)
            found: dict[str, Any] = {COUNT + name: count for name, count in own.items()}
            found |= {DENSITY + name: round(count / area, DECIMALS) for name, count in own.items() if area}
            table.writerow({name: row[name] for name in COLUMNS} | found)


def classified_areas(told: Told, rows: Any) -> Any:
    """What a summary says of annotated areas, with classes; anything else as it is."""
    if not isinstance(rows, list) or not rows:
        return rows
    counts, found = count_in_areas(told), []
    for row in rows:
        kept = {key: value for key, value in row.items() if key != "classes"}
        own = classes_of(told, counts, row["annotation"], row["nuclei"])
        found.append(kept | ({"classes": own} if own else {}))
    return found
