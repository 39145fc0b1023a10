"""What the page asks for: images, tiles, nuclei, regions, comparisons, segmentation on demand."""

from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nuseg.measure.classes import CLASS
from nuseg.measure.counts import count_interval
from nuseg.viewer.columns import described
from nuseg.viewer.items import Item, Layer
from nuseg.viewer.nuclei import CELL, Nuclei
from nuseg.viewer.on_demand import OnDemand
from nuseg.viewer.region_stats import as_csv, read_region, statistics
from nuseg.viewer.security import Refused, json_body
from nuseg.viewer.shelf import Shelf

KEPT = {"cache-control": "private, max-age=300"}  # what a file holds; the page asks for much of it again and again
MOST_CELLS = 100_000  # in a direction
Endpoint = Callable[[Request], Response] | Callable[[Request], Awaitable[Response]]


class Routes:
    """The addresses below `/api` for what a shelf holds.

    Parameters
    ----------
    shelf : Shelf
    on_demand : OnDemand
    finished_regions : function
        How many regions of an item are marked as finished.
    can_train : function
        Whether a model can be trained on corrections here.
    """

    def __init__(
        self,
        shelf: Shelf,
        on_demand: OnDemand,
        finished_regions: Callable[[Item], int],
        can_train: Callable[[], bool],
    ) -> None:
        self.shelf, self.on_demand = shelf, on_demand
        self.finished_regions, self.can_train = finished_regions, can_train

    def all(self) -> list[Route]:
        """All routes."""
        item, layer = "/api/items/{item}", "/api/items/{item}/layers/{layer}"
        return [
            Route("/api/items", self.items),
            Route(f"{item}/thumbnail.jpg", self.thumbnail),
            Route(f"{item}/tiles/{{level}}/{{name}}.jpg", self.tile),
            Route(f"{item}/compare", self.compare),
            Route(f"{item}/segment", self.segment, methods=["POST"]),
            Route(layer, self.layer),
            Route(f"{layer}/columns/{{name}}.f32", self.column),
            Route(f"{layer}/outlines/{{name}}.bin", self.outlines),
            Route(f"{layer}/nuclei/{{index}}", self.nucleus),
            Route(f"{layer}/region", self.region, methods=["POST"]),
            Route(f"{layer}/region.csv", self.region_csv, methods=["POST"]),
            Route("/api/jobs/{job}", self.job),
        ]

    def items(self, request: Request) -> Response:
        """All images, with counts, warnings and layers."""
        return JSONResponse(
            {
                "title": self.shelf.title,
                "read_only": self.shelf.read_only,
                "can_train": self.can_train(),
                "items": [told(item, self.finished_regions(item), self.shelf) for item in self.shelf.items],
            }
        )

    def thumbnail(self, request: Request) -> Response:
        """An image made small."""
        return Response(self.shelf.pixels.thumbnail(self._item(request)), media_type="image/jpeg", headers=KEPT)

    def tile(self, request: Request) -> Response:
        """A Deep Zoom tile."""
        level = whole_number(request.path_params["level"])
        column, row = pair(request.path_params["name"])
        pixels = self.shelf.pixels.tile(self._item(request), level, column, row)
        return Response(pixels, media_type="image/jpeg", headers=KEPT)

    def layer(self, request: Request) -> Response:
        """How many nuclei a layer has, and what is known of them."""
        _, layer, nuclei = self._nuclei(request)
        columns = [described(name, values) for name, values in nuclei.columns.items()]
        if nuclei.class_names:
            columns.append(described(CLASS, nuclei.class_index, nuclei.class_names))
        low, high = count_interval(len(nuclei), layer.count_error) or (None, None)
        counting = {"low": low, "high": high, "of": layer.kind}
        return JSONResponse(
            {"count": len(nuclei), "version": nuclei.version, "cell": CELL, "columns": columns, "counting": counting}
        )

    def column(self, request: Request) -> Response:
        """The values of one column, float32."""
        _, _, nuclei = self._nuclei(request)
        name = request.path_params["name"]
        if name == CLASS:  # also where the results have none: somebody may have given one
            values: np.ndarray = nuclei.class_index
        elif name in nuclei.columns:
            values = nuclei.columns[name]
        else:
            raise Refused(404, "no such column")
        return Response(np.asarray(values, "<f4").tobytes(), media_type="application/octet-stream")

    def outlines(self, request: Request) -> Response:
        """The outlines in one cell."""
        _, _, nuclei = self._nuclei(request)
        column, row = pair(request.path_params["name"])
        if not (column < MOST_CELLS and row < MOST_CELLS):
            raise Refused(404, "outlines: outside of the image")
        return Response(nuclei.cell_bytes(column, row), media_type="application/octet-stream")

    def nucleus(self, request: Request) -> Response:
        """Everything about one nucleus."""
        _, _, nuclei = self._nuclei(request)
        index = whole_number(request.path_params["index"])
        if index >= len(nuclei):
            raise Refused(404, f"nucleus: expected one of {len(nuclei):,}, counted from 0")
        return JSONResponse(described_nucleus(nuclei, index))

    async def region(self, request: Request) -> Response:
        """What lies in a region."""
        body = await json_body(request)

        def answer() -> Response:
            item, layer, nuclei = self._nuclei(request)
            return JSONResponse(statistics(nuclei, item, read_region(body), layer.count_error))

        return await run_in_threadpool(answer)

    async def region_csv(self, request: Request) -> Response:
        """The table of nuclei in a region."""
        body = await json_body(request)

        def answer() -> Response:
            _, _, nuclei = self._nuclei(request)
            headers = {"content-disposition": 'attachment; filename="region.csv"'}
            return Response(as_csv(nuclei, read_region(body)), media_type="text/csv", headers=headers)

        return await run_in_threadpool(answer)

    def compare(self, request: Request) -> Response:
        """Two layers against each other."""
        from nuseg.viewer.comparing import compared  # with all scores, which takes longer than to open the viewer

        item, query = self._item(request), request.query_params
        a, b = (self.shelf.nuclei(item, query.get(side, "")) for side in ("a", "b"))
        given = [query.get(key) for key in ("x", "y", "width", "height")]
        if all(value is None for value in given):
            return JSONResponse(compared(a, b, None))
        x, y, width, height = (number(value) for value in given)
        return JSONResponse(compared(a, b, (x, y, x + width, y + height)))

    async def segment(self, request: Request) -> Response:
        """Look for nuclei in a part of an image."""
        body = await json_body(request)
        return JSONResponse({"job": self.on_demand.ask(self._item(request), body).id}, 202)

    def job(self, request: Request) -> Response:
        """How far a part is."""
        return JSONResponse(self.on_demand.job(request.path_params["job"]).told())

    def _item(self, request: Request) -> Item:
        return self.shelf.item(request.path_params["item"])

    def _nuclei(self, request: Request) -> tuple[Item, Layer, Nuclei]:
        item = self._item(request)
        layer = self.shelf.layer(item, request.path_params["layer"])
        return item, layer, self.shelf.nuclei(item, layer.id)


def told(item: Item, finished: int, shelf: Shelf) -> dict[str, Any]:
    """What the page is told of an item."""
    row = item.row
    return {
        "id": item.id,
        "name": item.name,
        "kind": item.kind,
        "width": item.width,
        "height": item.height,
        "mpp": item.mpp,
        "thumbnail": f"/api/items/{item.id}/thumbnail.jpg",
        "nuclei": row.nuclei if row else None,
        "nuclei_low": row.nuclei_low if row else None,
        "nuclei_high": row.nuclei_high if row else None,
        "density_per_mm2": row.nuclei_per_mm2 if row else None,
        "warnings": list(item.warnings),
        "finished_regions": finished,
        "layers": [
            {
                "id": layer.id,
                "name": layer.name,
                "kind": layer.kind,
                "editable": layer.editable and item.home is not None,
                "writable": layer.editable and layer.writable and item.home is not None and not shelf.read_only,
            }
            for layer in item.layers
        ],
    }


def described_nucleus(nuclei: Nuclei, index: int) -> dict[str, Any]:
    """Everything about one nucleus: id, measures, class, outline as GeoJSON in px of level 0."""
    values = {name: float(column[index]) for name, column in nuclei.columns.items()}
    measures = {name: value if np.isfinite(value) else None for name, value in values.items()}
    ring = nuclei.outline(index).tolist()
    return {
        "index": index,
        "id": int(nuclei.numbers[index]),
        "object_id": nuclei.object_id(index),
        "class": nuclei.class_of(index),
        "measures": measures,
        "probability": measures.get("probability"),
        "polygon": {"type": "Polygon", "coordinates": [[*ring, *ring[:1]]]},
    }


def whole_number(text: str) -> int:
    """Read a number of an address.

    Raises
    ------
    Refused
        It is none.
    """
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise Refused(404, "expected a whole number in the address")
    return int(text)


def pair(text: str) -> tuple[int, int]:
    """Read `X_Y` of an address; see `whole_number`."""
    first, _, second = text.partition("_")
    return whole_number(first), whole_number(second)


def number(text: str | None) -> float:
    """Read a number of a query.

    Raises
    ------
    Refused
        It is none.
    """
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e9:
        raise Refused(400, "expected x, y, width and height in px")
    return value
