"""Results, journals and corrections to try the viewer with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from starlette.testclient import TestClient

from nuseg.annotations.corrections.entries import Base, Entry
from nuseg.annotations.corrections.history import History
from nuseg.annotations.object_ids import object_id
from nuseg.viewer.contents import gather
from nuseg.viewer.corrections.editing import make_entry
from nuseg.viewer.corrections.requests import parse_request
from nuseg.viewer.corrections.writing import KeptCorrections
from nuseg.viewer.security import Door
from nuseg.viewer.server import make_app
from nuseg.viewer.shelf import Shelf

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
    classes: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.count

    @property
    def columns(self) -> Mapping[str, np.ndarray]:
        x = np.arange(self.count, dtype=np.float32) * 2 * SIDE + SIDE / 2
        found = {"x": x, "y": np.full(self.count, SIDE / 2, np.float32)}
        return found | ({"probability": np.array(self.probability, np.float32)} if self.probability else {})

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.classes.values()))

    def outline(self, index: int, /) -> np.ndarray:
        return np.array(square(2 * SIDE * index, 0), np.float64)

    def object_id(self, index: int, /) -> str:
        return object_id("row", index + 1)

    def class_of(self, index: int, /) -> str | None:
        return self.classes.get(index)


def ask(kept: KeptCorrections, found: Row, action: str, base: int | None = None, **more: object) -> None:
    """Make a correction as the page does; `base` is the version that it knows, by default the newest."""
    with kept.history(len(found)) as history:
        version = history.version if base is None else base
    request = parse_request({"base": version, "action": action, **more})

    def made(history: History) -> Entry:
        return make_entry(request, history, found, SIZE, 0.5)

    kept.add(Base(nuclei=len(found)), version, made)


class Page:
    """A client that asks as the page does.

    Parameters
    ----------
    given : path
        What `nuseg view` is started with.
    """

    def __init__(self, *given: Path, read_only: bool = False, model: str | None = None) -> None:
        contents = gather(given)
        self.notes = contents.notes
        self.shelf = Shelf(contents.items, read_only, model)
        guard, _ = make_app(self.shelf, Door("127.0.0.1", 80, read_only=read_only))
        origin = "http://127.0.0.1"
        self.client = TestClient(guard, origin, headers={"x-nuseg": "1", "origin": origin})
        self.items = self.client.get("/api/items").json()["items"]

    @property
    def place(self) -> str:
        """Address of the corrections of the first image."""
        return f"/api/items/{self.items[0]['id']}/corrections"

    def state(self) -> dict[str, Any]:
        """The corrections of the first image."""
        found: dict[str, Any] = self.client.get(self.place).json()
        return found

    def correct(self, action: str, **more: object) -> dict[str, Any]:
        """Correct the first image, from its newest state."""
        answer = self.client.post(self.place, json={"base": self.state()["version"], "action": action, **more})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def kept_in(folder: Path, name: str = "row") -> KeptCorrections:
    """The corrections of an image in a folder, read anew as by another server."""
    return KeptCorrections(folder, name)
