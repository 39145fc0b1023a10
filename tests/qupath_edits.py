"""What somebody does to results in QuPath, done to the GeoJSON: objects deleted, redrawn and added, regions drawn."""

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping, shape


@dataclass(frozen=True)
class Edits:
    """How many objects of each region are deleted, redrawn and added."""

    deleted: int
    redrawn: int
    added: int


def annotation(geometry: shapely.Geometry, name: str | None = None) -> dict[str, Any]:
    """An annotation object as QuPath 0.5 exports it, with a random id."""
    classification = {} if name is None else {"classification": {"name": name, "color": [200, 0, 0]}}
    return {
        "type": "Feature",
        "id": str(uuid.uuid4()),
        "geometry": mapping(geometry),
        "properties": {"objectType": "annotation", **classification},
    }


def correct(
    results: Path, corrected: Path, regions: dict[str | None, list[shapely.Geometry]], edits: Edits
) -> dict[str, int]:
    """Write a corrected copy of a GeoJSON of results.

    Nuclei well inside of every region are deleted, redrawn (shrunk) and added (as discs on free places); coordinates
    are rounded to two decimals, as QuPath does.

    Returns
    -------
    dict of str to int
        How many nuclei were inside of all regions before, and how many were changed.
    """
    features = json.loads(results.read_text())["features"]
    outlines = [shape(feature["geometry"]) for feature in features]
    gone: set[int] = set()
    new: list[dict[str, Any]] = []
    counts = {"before": 0, "deleted": 0, "redrawn": 0, "added": 0}
    for name, areas in regions.items():
        for area in areas:
            new.append(annotation(area, name))
            shares = [outline.intersection(area).area / outline.area for outline in outlines]
            counts["before"] += sum(share > 0.5 for share in shares)
            inside = [k for k, share in enumerate(shares) if share == 1]
            assert len(inside) >= edits.deleted + edits.redrawn, len(inside)
            gone.update(inside[: edits.deleted])
            for k in inside[edits.deleted : edits.deleted + edits.redrawn]:
                features[k] = features[k] | {"geometry": mapping(outlines[k].buffer(-0.15 * outlines[k].area ** 0.5))}
            new += [annotation(disc) for disc in free_discs(area, outlines, edits.added)]
            for key in ("deleted", "redrawn", "added"):
                counts[key] += getattr(edits, key)
    left = [feature for k, feature in enumerate(features) if k not in gone]
    content = {"type": "FeatureCollection", "features": [*left, *new]}
    corrected.parent.mkdir(parents=True, exist_ok=True)
    corrected.write_text(json.dumps(rounded(content)))
    return counts


def free_discs(area: shapely.Geometry, outlines: list[shapely.Geometry], count: int) -> list[shapely.Geometry]:
    """Give discs in an area that lie on no outline and not on each other."""
    random, taken = np.random.default_rng(0), list(outlines)
    left, top, right, bottom = area.bounds
    discs: list[shapely.Geometry] = []
    for _ in range(20_000):
        if len(discs) == count:
            return discs
        disc = shapely.Point(random.uniform(left, right), random.uniform(top, bottom)).buffer(5)
        if area.contains(disc) and not any(disc.intersects(one) for one in taken):
            discs.append(disc)
            taken.append(disc)
    raise AssertionError(f"room for {len(discs)} of {count} discs")


def rounded(value: Any) -> Any:
    """Round all numbers with fractions to two decimals."""
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(part) for part in value]
    return round(value, 2) if isinstance(value, float) else value
