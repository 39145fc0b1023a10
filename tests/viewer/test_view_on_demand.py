"""Nuclei of the part that is looked at."""

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from nuseg.io.image import write_png
from nuseg.measure.nuclei import COLUMNS
from nuseg.results.batch import NucleiBatch
from nuseg.segmentation.segmenter import Segmenter
from nuseg.viewer import on_demand
from nuseg.viewer.items import Item
from nuseg.viewer.on_demand import MOST_PIXELS, MOST_WAITING, OnDemand, read_box, replaced
from nuseg.viewer.security import Door, Refused
from nuseg.viewer.server import make_app
from nuseg.viewer.shelf import Shelf
from shown import ASKED, DARK, DISCS, HERE, MPP, SIZE, discs, save_shown, shelf_of

LARGE = Item("i", "large", "slide", 100_000, 80_000)


@pytest.fixture
def dark(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model finds what is dark."""
    monkeypatch.setattr(on_demand.Segmenter, "load", lambda model=None: DARK)


@pytest.fixture
def opened(tmp_path: Path, dark: None) -> Iterator[tuple[Shelf, TestClient, OnDemand]]:
    write_png(tmp_path / "a.png", discs())
    shelf = shelf_of(tmp_path)
    app, jobs = make_app(shelf, Door("127.0.0.1", 8123))
    yield shelf, TestClient(app, base_url=HERE, headers=ASKED), jobs
    jobs.stop()
    shelf.close()


def wait(client: TestClient, job: str) -> dict[str, object]:
    for _ in range(600):
        told: dict[str, object] = client.get(f"/api/jobs/{job}").json()
        if told["state"] in ("done", "failed"):
            return told
        time.sleep(0.02)
    raise AssertionError(told)


def ask(client: TestClient, item: Item, *box: float) -> dict[str, object]:
    body = dict(zip(("x", "y", "width", "height"), box, strict=True))
    answer = client.post(f"/api/items/{item.id}/segment", json=body)
    assert answer.status_code == 202, answer.text
    return wait(client, answer.json()["job"])


def test_parts_are_found_one_after_the_other_and_belong_together(
    opened: tuple[Shelf, TestClient, OnDemand],
) -> None:
    shelf, client, _ = opened
    item = shelf.items[0]
    counts, versions = [], []
    for box in ((0, 0, 300, 200), (100, 0, 300, 400), (0, 0, 5000, 5000)):
        told = ask(client, item, *box)
        assert (told["state"], told["done"], told["layer"]) == ("done", 1.0, "on-demand")
        layer = client.get(f"/api/items/{item.id}/layers/on-demand").json()
        counts.append(layer["count"])
        versions.append(layer["version"])
        assert told["version"] == layer["version"]
    assert counts == [2, 3, len(DISCS)]
    assert len(set(versions)) == 3
    (told,) = client.get("/api/items").json()["items"][0]["layers"]
    assert (told["id"], told["kind"], told["editable"]) == ("on-demand", "on-demand", False)


def test_what_was_found_is_what_segment_finds(opened: tuple[Shelf, TestClient, OnDemand], tmp_path: Path) -> None:
    shelf, client, _ = opened
    ask(client, shelf.items[0], 0, 0, *SIZE)
    nuclei = shelf.nuclei(shelf.items[0], "on-demand")
    with DARK(tmp_path / "a.png", mpp=MPP) as result:
        assert np.allclose(nuclei.columns["x"], result.nuclei["x_px"])
        assert all(np.allclose(nuclei.outline(i), ring, atol=1e-3) for i, ring in enumerate(result.polygons))


def test_beside_results_they_are_a_further_layer(tmp_path: Path, dark: None) -> None:
    shelf = shelf_of(save_shown(tmp_path))
    app, jobs = make_app(shelf, Door("127.0.0.1", 8123))
    client = TestClient(app, base_url=HERE, headers=ASKED)
    ask(client, shelf.items[0], 0, 0, 300, 200)
    assert [layer.id for layer in shelf.items[0].layers] == ["result", "on-demand"]
    jobs.stop()
    shelf.close()


def test_a_fault_is_told_and_ends_nothing(
    opened: tuple[Shelf, TestClient, OnDemand], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shelf, client, _ = opened
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    told = ask(client, shelf.items[0], 0, 0, 300, 200)
    assert told["state"] == "failed"
    assert "a.png" in str(told["message"])
    write_png(tmp_path / "a.png", discs())
    assert ask(client, shelf.items[0], 0, 0, 300, 200)["state"] == "done"


def test_few_wait_at_once(opened: tuple[Shelf, TestClient, OnDemand], monkeypatch: pytest.MonkeyPatch) -> None:
    shelf, client, jobs = opened
    go_on = Event()

    def load(model: object = None) -> Segmenter:
        assert go_on.wait(20)
        return DARK

    monkeypatch.setattr(on_demand.Segmenter, "load", load)
    address = f"/api/items/{shelf.items[0].id}/segment"
    body = {"x": 0, "y": 0, "width": 300, "height": 200}
    answers = [client.post(address, json=body) for _ in range(MOST_WAITING + 2)]
    assert [answer.status_code for answer in answers] == [202] * MOST_WAITING + [429] * 2
    go_on.set()
    assert wait(client, answers[MOST_WAITING - 1].json()["job"])["state"] == "done"
    assert client.post(address, json=body).status_code == 202
    assert client.get("/api/jobs/none").status_code == 404
    assert jobs.job(answers[0].json()["job"]).state == "done"


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"x": 0, "y": 0, "width": 4097, "height": 4096}, {"x": 0, "y": 0, "width": 8, "height": 900}),
        *({"x": "0", "y": 0, "width": 900, "height": 900}, {"x": True, "y": 0, "width": 900, "height": 900}),
        *({"x": 1e300, "y": 0, "width": 900, "height": 900}, {"x": 200_000, "y": 0, "width": 900, "height": 900}),
        *({"x": 0, "y": 0, "width": -5, "height": 9}, {"x": float("nan"), "y": 0, "width": 900, "height": 900}),
    ],
)
def test_other_parts_are_refused(body: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        read_box(LARGE, body)
    assert refused.value.status == 400


@given(*[st.floats(-1e5, 2e5)] * 4)
def test_parts_lie_in_the_image_and_are_bounded(x: float, y: float, width: float, height: float) -> None:
    try:
        left, top, right, bottom = read_box(LARGE, {"x": x, "y": y, "width": width, "height": height})
    except Refused:
        return
    assert 0 <= left < right <= LARGE.width
    assert 0 <= top < bottom <= LARGE.height
    assert (right - left) * (bottom - top) <= MOST_PIXELS


def batch(*places: tuple[float, float]) -> NucleiBatch:
    table = pd.DataFrame(0.0, index=range(len(places)), columns=list(COLUMNS)).assign(
        id=np.arange(len(places)) + 1, x_px=[x for x, _ in places], y_px=[y for _, y in places]
    )
    return NucleiBatch(table, [np.array([place] * 3) for place in places])


def test_nuclei_of_a_part_replace_those_that_were_there() -> None:
    whole = replaced(batch((5, 5), (50, 5), (10, 5)), batch((6, 6)), (0, 0, 10, 10))
    assert whole.table["id"].tolist() == [1, 2, 3]
    assert whole.table["x_px"].tolist() == [50, 10, 6]
    assert [ring[0].tolist() for ring in whole.polygons] == [[50, 5], [10, 5], [6, 6]]
