"""The addresses under which the page reads and makes corrections."""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from nuseg.annotations.corrections.base import base_of, check_base
from nuseg.annotations.corrections.entries import Key
from nuseg.annotations.corrections.history import History
from nuseg.annotations.corrections.journal import journal_path
from nuseg.annotations.corrections.state import Changed, in_order
from nuseg.errors import NusegError
from nuseg.text import in_short
from nuseg.viewer.columns import coloured
from nuseg.viewer.corrections.doubtful import next_doubtful
from nuseg.viewer.corrections.editing import Nuclei, make_entry
from nuseg.viewer.corrections.export import geojson
from nuseg.viewer.corrections.requests import parse_request
from nuseg.viewer.corrections.writing import ChangedError, KeptCorrections, NotWritableError
from nuseg.viewer.items import Item, Layer
from nuseg.viewer.security import Refused, json_body
from nuseg.viewer.shelf import Shelf

PLACE = "/api/items/{item}/corrections"


def routes(shelf: Shelf) -> list[Route]:
    """Give the addresses of corrections, under `/api/items/ID/corrections`."""
    desk = Desk(shelf)
    return [
        Route(f"{PLACE}.geojson", desk.download),
        Route(f"{PLACE}/doubtful", desk.doubtful),
        Route(PLACE, desk.read, methods=["GET"]),
        Route(PLACE, desk.write, methods=["POST"]),
    ]


def finished_regions(shelf: Shelf, item: Item) -> int:
    """Count the finished regions of an image, without its nuclei; 0 where the journal cannot be read."""
    if item.home is None or item.editable_layer() is None:
        return 0
    try:
        if not journal_path(item.home, item.name).is_file():
            return 0
        journal = _kept(item.home, item.name).read()
    except NusegError:
        return 0
    return 0 if journal is None else len(journal.history.state.finished)


@dataclass
class Opened:
    """An image that can be corrected."""

    item: Item
    layer: Layer
    nuclei: Nuclei
    kept: KeptCorrections


@dataclass
class Desk:
    """Where corrections are asked for.

    Attributes
    ----------
    shelf : Shelf
    """

    shelf: Shelf
    _checked: dict[str, Any] = field(default_factory=dict)

    def read(self, request: Request) -> Response:
        """Give the whole state, or its version alone where that is what the page has."""
        opened = self._open(request)
        since = request.query_params.get("since", "")
        with opened.kept.history(len(opened.nuclei)) as history:
            if since == str(history.version):
                return _json({"version": history.version})
            return _json(told(history, opened.nuclei))

    async def write(self, request: Request) -> Response:
        """Make a correction, and give the state after it."""
        body = await json_body(request)
        return await run_in_threadpool(self._write, request, body)

    def _write(self, request: Request, body: dict[str, Any]) -> Response:
        opened, asked = self._open(request), parse_request(body)
        item, nuclei = opened.item, opened.nuclei
        assert item.home is not None
        if self.shelf.read_only:
            raise Refused(403, "nothing can be changed: the viewer was started for reading alone")
        if not opened.layer.writable:
            raise Refused(403, f"{item.name}: the folder of its results cannot be written; copy it to another place")
        try:
            opened.kept.add(
                base_of(item.home, item.name, len(nuclei)),
                asked.base,
                lambda history: make_entry(asked, history, nuclei, (item.width, item.height), item.mpp),
            )
        except ChangedError as changed:
            raise Refused(409, str(changed), version=changed.version) from changed
        except NotWritableError as problem:
            raise Refused(403, str(problem)) from problem
        except ValueError as problem:
            raise Refused(400, in_short(problem)) from problem
        with opened.kept.history(len(nuclei)) as history:
            return _json(told(history, nuclei))

    def doubtful(self, request: Request) -> Response:
        """Give the next doubtful nucleus; `nucleus` is null where there is none left."""
        opened = self._open(request)
        after = _key(request.query_params.get("after"))
        with opened.kept.history(len(opened.nuclei)) as history:
            state = history.state.copy()
        found = next_doubtful(opened.nuclei, state, after)
        return _json({"nucleus": None} if found is None else found._asdict())

    def download(self, request: Request) -> Response:
        """Give all nuclei as they are now, for QuPath."""
        opened = self._open(request)
        with opened.kept.history(len(opened.nuclei)) as history:
            state = history.state.copy()
        name = opened.item.name
        plain = name.encode("ascii", "replace").decode().translate({ord(mark): "_" for mark in '"\\?'})
        file = f"attachment; filename=\"{plain}.geojson\"; filename*=UTF-8''{quote(name, safe='')}.geojson"
        return StreamingResponse(
            geojson(name, opened.nuclei, state),
            media_type="application/geo+json",
            headers={"content-disposition": file},
        )

    def _open(self, request: Request) -> Opened:
        """Find the image, its nuclei and its corrections, which must be of these nuclei."""
        item = self.shelf.item(request.path_params["item"])
        layer = item.editable_layer()
        if layer is None or item.home is None:
            raise Refused(404, f"{item.name} has no nuclei that can be corrected")
        nuclei, kept = self.shelf.nuclei(item, layer.id), _kept(item.home, item.name)
        journal = kept.read()
        if journal is not None and self._checked.get(item.id) != (nuclei.version, journal.header):
            check_base(kept.path, journal.header.base, base_of(item.home, item.name, len(nuclei)))
            self._checked[item.id] = nuclei.version, journal.header
        return Opened(item, layer, nuclei, kept)


def told(history: History, nuclei: Nuclei) -> dict[str, Any]:
    """Write a state as the page reads it; see the reference of the viewer's addresses."""
    state = history.state
    return {
        "version": history.version,
        "undo": history.can_undo,
        "redo": history.can_redo,
        "deleted": sorted(state.deleted),
        "changed": {str(place): _changed(one) for place, one in state.changed.items()},
        "added": [
            {"id": key, "polygon": one.polygon, "class": one.name, "verdict": one.verdict}
            for key, one in in_order(state.added)
        ],
        "finished": [
            {"id": key, "polygon": region.polygon, "name": region.name} for key, region in in_order(state.finished)
        ],
        "classes": coloured(list(dict.fromkeys([*nuclei.class_names, *state.given_classes()]))),
        "counts": state.counts(),
    }


def _changed(one: Changed) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if one.polygon is not None:
        found["polygon"] = one.polygon
    if one.reclassified:
        found["class"] = one.name
    if one.verdict is not None:
        found["verdict"] = one.verdict
    return found


def _key(text: str | None) -> Key | None:
    """Read the key of a nucleus in an address."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else text


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")


@lru_cache(maxsize=1000)
def _kept(home: Path, name: str) -> KeptCorrections:
    """Give the corrections of an image; those of a thousand images stay in memory."""
    return KeptCorrections(home, name)
