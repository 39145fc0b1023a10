"""Results, journals and corrections to try the viewer with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nuseg.annotations.corrections.entries import Base, Entry
from nuseg.annotations.object_ids import object_id
from nuseg.viewer.corrections.editing import make_entry
from nuseg.viewer.corrections.requests import parse_request
from nuseg.viewer.corrections.writing import KeptCorrections

SIDE = 10
SIZE = (1000, 100)


def square(x: float, y: float, side: float = SIDE) -> list[list[float]]:
    """Corners of a square, as the page sends them."""
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side]]


@dataclass
class Row:
    """Nuclei of a result: squares of 10 px in a row, 20 px apart."""

    count: int
    probability: tuple[float, ...] = ()
    class_names: tuple[str, ...] = ()
    class_index: np.ndarray = field(init=False)
    version: str = "1"

    def __post_init__(self) -> None:
        self.class_index = np.full(self.count, -1, np.int32)

    def __len__(self) -> int:
        return self.count

    @property
    def columns(self) -> Mapping[str, np.ndarray]:
        x = np.arange(self.count, dtype=np.float32) * 2 * SIDE + SIDE / 2
        found = {"x": x, "y": np.full(self.count, SIDE / 2, np.float32)}
        return found | ({"probability": np.array(self.probability, np.float32)} if self.probability else {})

    def outline(self, index: int, /) -> np.ndarray:
        return np.array(square(2 * SIDE * index, 0), np.float64)

    def object_id(self, index: int, /) -> str:
        return object_id("row", index + 1)


def ask(kept: KeptCorrections, found: Row, action: str, base: int | None = None, **more: object) -> None:
    """Make a correction as the page does; `base` is the version that it knows, by default the newest."""
    with kept.history(len(found)) as history:
        version = history.version if base is None else base
    request = parse_request({"base": version, "action": action, **more})

    def made(history: object) -> Entry:
        return make_entry(request, history, found, SIZE, 0.5)  # type: ignore[arg-type]

    kept.add(Base(nuclei=len(found)), version, made)


def kept_in(folder: Path, name: str = "row") -> KeptCorrections:
    """The corrections of an image in a folder, read anew as by another server."""
    return KeptCorrections(folder, name)
