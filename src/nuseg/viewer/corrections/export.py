"""Corrected nuclei as QuPath reads them: detections, and the finished regions as annotations.

Nuclei keep the ids that the results give them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from nuseg.annotations.corrections.state import State, in_order
from nuseg.annotations.object_ids import added_id
from nuseg.types import Floats
from nuseg.viewer.corrections.editing import Nuclei, class_of

PLAIN = {"name": "Nucleus", "color": [0, 255, 0]}
REGION = {"name": "Finished region", "color": [0, 120, 255]}
DECIMALS = 3
PIECE = 1000  # nuclei written at a time


def geojson(name: str, nuclei: Nuclei, state: State) -> Iterator[bytes]:
    """Write a FeatureCollection, piece by piece.

    Parameters
    ----------
    name : str
        Of the image, for the ids of added nuclei.
    nuclei : Nuclei
        Of the result.
    state : State
        Nobody may change it meanwhile.

    Yields
    ------
    bytes
    """
    yield b'{"type":"FeatureCollection","features":['
    separator = b""
    for piece in _batches(_features(name, nuclei, state)):
        yield separator + b",\n".join(orjson.dumps(feature) for feature in piece)
        separator = b",\n"
    yield b"]}"


def _batches(features: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    piece: list[dict[str, Any]] = []
    for feature in features:
        piece.append(feature)
        if len(piece) == PIECE:
            yield piece
            piece = []
    if piece:
        yield piece


def _features(name: str, nuclei: Nuclei, state: State) -> Iterator[dict[str, Any]]:
    probability = nuclei.columns.get("probability")
    for place in range(len(nuclei)):
        change = state.changed.get(place)
        if place in state.deleted or (change is not None and change.verdict == "rejected"):
            continue
        own = None if change is None else change.polygon
        measured = None if probability is None else float(probability[place])
        outline = nuclei.outline(place) if own is None else np.array(own)
        yield _nucleus(nuclei.object_id(place), outline, class_of(place, state, nuclei), measured)
    for key, one in in_order(state.added):
        if one.verdict != "rejected":
            yield _nucleus(added_id(name, key), np.array(one.polygon), one.name, None)
    for key, region in in_order(state.finished):
        properties = {"objectType": "annotation", "name": region.name, "classification": REGION, "isLocked": True}
        yield _feature(added_id(name, key), np.array(region.polygon), properties)


def _nucleus(own: str, outline: Floats, class_name: str | None, probability: float | None) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "objectType": "detection",
        "classification": PLAIN if class_name is None else {"name": class_name},
    }
    if probability is not None and np.isfinite(probability):
        properties["measurements"] = {"Probability": round(probability, 4)}
    return _feature(own, outline, properties)


def _feature(own: str, outline: Floats, properties: dict[str, Any]) -> dict[str, Any]:
    ring = outline.round(DECIMALS).tolist()
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    return {"type": "Feature", "id": own, "geometry": geometry, "properties": properties}
