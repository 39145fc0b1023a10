"""What the server answers to the page's corrections."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nuseg
from correcting import Page, Row, square
from dark_model import save_dark_model
from nuseg.annotations.corrections.state import Changed, Region, State
from nuseg.annotations.formats.geojson import FORMAT as GEOJSON
from nuseg.annotations.object_ids import added_id, object_id
from nuseg.io.image import write_png
from nuseg.viewer.corrections.doubtful import next_doubtful
from nuseg.viewer.corrections.export import PIECE, geojson


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of an image with eight squares of 12 px, 30 px apart."""
    folder = tmp_path_factory.mktemp("routes")
    pixels = np.full((60, 260, 3), 240, np.uint8)
    for place in range(8):
        pixels[20:32, 10 + 30 * place : 22 + 30 * place] = (70, 40, 110)
    (folder / "images").mkdir()
    write_png(folder / "images" / "row.png", pixels)
    model = save_dark_model(folder / "dark")
    nuseg.segment_folder(folder / "images" / "row.png", folder / "results", model=model, mpp=0.25)
    return folder / "results"


@pytest.fixture
def page(results: Path, tmp_path: Path) -> Page:
    """A server on a copy of the results."""
    shutil.copytree(results, tmp_path / "results")
    return Page(tmp_path / "results")


def test_a_fresh_image(page: Page) -> None:
    assert page.items[0]["nuclei"] == 8
    assert page.state() == {
        "version": 0,
        "undo": False,
        "redo": False,
        "deleted": [],
        "changed": {},
        "added": [],
        "finished": [],
        "classes": [],
        "counts": {"deleted": 0, "added": 0, "redrawn": 0, "reclassified": 0, "accepted": 0, "rejected": 0},
    }


def test_a_session(page: Page) -> None:
    page.correct("delete", nuclei=[0])
    page.correct("draw", polygon=square(230, 20, 12), **{"class": " tumour  cell "})
    state = page.correct("split", nucleus=3, line=[[106, 0], [106, 60]])
    assert state["deleted"] == [0]
    assert [one["id"] for one in state["added"]] == ["a1", "a2"]
    assert state["added"][0]["class"] == "tumour cell"
    assert set(state["changed"]) == {"3"}
    assert (state["undo"], state["redo"]) == (True, False)
    state = page.correct("undo")
    assert [one["id"] for one in state["added"]] == ["a1"]
    assert (state["undo"], state["redo"]) == (True, True)
    state = page.correct("redo")
    assert [one["id"] for one in state["added"]] == ["a1", "a2"]
    state = page.correct("accept", nuclei=[4, "a1"])
    assert state["changed"]["4"] == {"verdict": "accepted"}
    state = page.correct("class", nuclei=[5], **{"class": None})
    assert state["changed"]["5"] == {"class": None}
    state = page.correct("finish", polygon=square(5, 5, 50))
    assert state["finished"][0]["name"] == "Region 1"
    assert page.client.get("/api/items").json()["items"][0]["finished_regions"] == 1
    assert page.correct("unfinish", region="r1")["finished"] == []
    version = page.state()["version"]
    assert page.client.get(page.place, params={"since": version}).json() == {"version": version}


def test_two_windows(page: Page) -> None:
    first, second = page, Page(*(item.home for item in page.shelf.items if item.home))
    assert second.place == first.place
    first.correct("delete", nuclei=[0])
    answer = second.client.post(second.place, json={"base": 0, "action": "delete", "nuclei": [1]})
    assert (answer.status_code, answer.json()["version"]) == (409, 1)
    assert "another window" in answer.json()["error"]
    assert second.state()["deleted"] == [0]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "action"),
        ({"action": "explode", "base": 0}, "action"),
        ({"action": "delete", "nuclei": [0]}, "lacks 'delete.base'"),
        ({"action": "delete", "nuclei": [], "base": 0}, "at least 1"),
        ({"action": "delete", "nuclei": [8], "base": 0}, "no nucleus 8"),
        ({"action": "delete", "nuclei": [-1], "base": 0}, "nuclei"),
        ({"action": "delete", "nuclei": [0.5], "base": 0}, "nuclei"),
        ({"action": "delete", "nuclei": [True], "base": 0}, "nuclei"),
        ({"action": "delete", "nuclei": ["a1"], "base": 0}, "no nucleus a1"),
        ({"action": "delete", "nuclei": ["../x"], "base": 0}, "nuclei"),
        ({"action": "delete", "nuclei": [0], "base": 0, "more": 1}, "unknown key"),
        ({"action": "draw", "polygon": [[0, 0], [1, 1]], "base": 0}, "2 points"),
        ({"action": "draw", "polygon": [[0, 0], [9, 0], [9, 1e300]], "base": 0}, "polygon"),
        ({"action": "draw", "polygon": [[500, 0], [600, 0], [600, 50]], "base": 0}, "outside of the image of 260 x 60"),
        ({"action": "draw", "polygon": [[0, 0]] * 30_000, "base": 0}, "at most 20000"),
        ({"action": "draw", "polygon": "x", "base": 0}, "polygon"),
        ({"action": "class", "nuclei": [0], "class": "a\u202eb", "base": 0}, "can be seen"),
        ({"action": "class", "nuclei": [0], "class": " ", "base": 0}, "can be seen"),
        ({"action": "class", "nuclei": [0], "class": "x" * 101, "base": 0}, "at most 100"),
        ({"action": "split", "nucleus": 0, "line": [[200, 0], [200, 60]], "base": 0}, "does not part"),
        ({"action": "merge", "nuclei": [0, 7], "base": 0}, "px apart"),
        ({"action": "merge", "nuclei": [0, 0], "base": 0}, "twice"),
        ({"action": "undo", "base": 0}, "nothing to undo"),
        ({"action": "unfinish", "region": "r1", "base": 0}, "no finished region"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(page: Page, body: dict[str, Any], words: str) -> None:
    answer = page.client.post(page.place, json=body)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["error"]
    assert len(answer.json()["error"]) < 1000
    assert page.state()["version"] == 0


def test_numbers_that_are_none(page: Page) -> None:
    body = '{"action": "draw", "polygon": [[0, 0], [NaN, 9], [9, 9]], "base": 0}'
    answer = page.client.post(page.place, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("nuclei", "nucleus", "polygon", "line", "class", "name", "region", "base")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    action=st.sampled_from(["delete", "draw", "redraw", "split", "merge", "class", "finish", "unfinish", "undo", "x"]),
    given_fields=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4),
)
def test_no_body_is_an_error_of_the_server(page: Page, action: str, given_fields: dict[str, Any]) -> None:
    answer = page.client.post(page.place, content=json.dumps({"base": 0, "action": action, **given_fields}),
                              headers={"content-type": "application/json"})  # fmt: skip
    assert answer.status_code in (200, 400, 409), answer.text
    assert page.client.get(page.place).status_code == 200


@pytest.mark.parametrize("address", ["/api/items/nowhere/corrections", "/api/items/..%2f..%2fetc/corrections"])
def test_no_such_image(page: Page, address: str) -> None:
    assert page.client.get(address).status_code == 404
    assert page.client.post(address, json={"base": 0, "action": "undo"}).status_code == 404


def test_reading_alone(results: Path) -> None:
    page = Page(results, read_only=True)
    answer = page.client.post(page.place, json={"base": 0, "action": "delete", "nuclei": [0]})
    assert answer.status_code == 403
    assert page.state()["version"] == 0
    assert not (results / "corrections").exists()


def test_what_was_corrected_is_shown_where_nothing_can_be_written(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """For reading alone, and in a folder without permission; root would be let in by permissions."""
    page.correct("delete", nuclei=[0])
    page.correct("finish", polygon=square(0, 0, 50))
    home = page.shelf.items[0].home
    assert home is not None
    reading = Page(home, read_only=True)
    monkeypatch.setattr("nuseg.viewer.contents.is_writable", lambda home: False)
    locked = Page(home)
    assert "nothing can be corrected" in locked.notes[0]
    for one in (reading, locked):
        assert [(layer["editable"], layer["writable"]) for layer in one.items[0]["layers"]] == [(True, False)]
        assert (one.items[0]["finished_regions"], one.state()) == (1, page.state())
        answer = one.client.post(one.place, json={"base": 2, "action": "delete", "nuclei": [1]})
        assert (answer.status_code, one.state()["deleted"]) == (403, [0])
        assert one.client.get("/api/items").json()["can_train"] is False
    assert "cannot be written" in answer.json()["error"]


def test_classes_that_the_results_do_not_have_get_colours(page: Page) -> None:
    page.correct("class", nuclei=[1, 2], **{"class": "lymphocyte"})
    page.correct("draw", polygon=square(100, 0), **{"class": "tumour"})
    named = page.state()["classes"]
    assert [one["name"] for one in named] == ["lymphocyte", "tumour"]
    assert len({one["color"] for one in named}) == 2
    column = page.client.get(page.place.replace("corrections", "layers/result/columns/class.f32"))
    assert set(np.frombuffer(column.content, "<f4")) == {-1}
    page.correct("undo")
    assert [one["name"] for one in page.state()["classes"]] == ["lymphocyte"]


def test_training_is_refused_without_regions_and_for_reading_alone(page: Page, results: Path) -> None:
    answer = page.client.post("/api/training", json={})
    assert (answer.status_code, answer.json()["error"]) == (
        400,
        "0 finished regions, expected 3 or more: mark further ones",
    )
    assert page.client.post("/api/training", json={"epochs": "many"}).status_code == 400
    assert page.client.post("/api/training/stop", json={}).status_code == 400
    assert page.client.post("/api/training/use", json={}).status_code == 400
    reading = Page(results, read_only=True)
    assert reading.client.post("/api/training", json={}).status_code == 403
    assert reading.client.get("/api/training").json()["state"] == "none"


def test_a_damaged_journal_is_said(page: Page) -> None:
    page.correct("delete", nuclei=[0])
    home = page.shelf.items[0].home
    assert home is not None
    with (home / "corrections" / "row.jsonl").open("a") as file:
        file.write("nonsense\n")
    answer = page.client.get(page.place)
    assert answer.status_code == 400
    assert "line 3 is damaged" in answer.json()["error"]
    assert page.client.get("/api/items").status_code == 200


def test_the_download(page: Page, tmp_path: Path) -> None:
    page.correct("delete", nuclei=[0])
    page.correct("reject", nuclei=[1])
    page.correct("draw", polygon=square(230, 20, 12), **{"class": "x"})
    page.correct("finish", polygon=square(5, 5, 50), name="first")
    answer = page.client.get(f"{page.place}.geojson")
    path = tmp_path / "row.geojson"
    path.write_bytes(answer.content)
    found = GEOJSON.load(path, "row")
    assert found.ids == (
        *(object_id("row", number) for number in range(3, 9)),
        added_id("row", "a1"),
        added_id("row", "r1"),
    )
    assert found.names[-2:] == ("x", "Finished region")
    assert found.detections == (True,) * 7 + (False,)
    measured = answer.json()["features"][0]["properties"]["measurements"]
    assert 0 <= measured["Probability"] <= 1


@pytest.mark.parametrize("count", [0, 1, PIECE, PIECE + 1])
def test_a_download_of_any_size_is_whole(count: int) -> None:
    content = json.loads(b"".join(geojson("row", Row(count), State(count))))
    assert len(content["features"]) == count


def test_doubtful_ones_come_in_the_order_of_doubt() -> None:
    nuclei = Row(6, (0.9, 0.55, 0.1, 0.5, 0.47, 0.5))
    order, after = list[int](), None
    while (found := next_doubtful(nuclei, State(6), after)) is not None:
        order.append(found.nucleus)
        after = found.nucleus
    assert order == [3, 5, 4, 1, 0, 2]


def test_judged_ones_are_passed_over() -> None:
    """Rows are 20 px apart: the region holds the centroids of the nuclei 0 and 1."""
    nuclei = Row(6, (0.5,) * 6)
    state = State(6, deleted={2}, changed={3: Changed(verdict="accepted"), 4: Changed(reclassified=True)})
    state.finished["r1"] = Region(((0.0, 0.0), (30.0, 0.0), (30.0, 30.0), (0.0, 30.0)), "one")
    found = next_doubtful(nuclei, state)
    assert found is not None
    assert (found.nucleus, found.x, found.y, found.probability) == (4, 85, 5, 0.5)
    assert next_doubtful(Row(3), State(3)) is None


def test_doubtful_over_the_wire(page: Page) -> None:
    first = page.client.get(f"{page.place}/doubtful").json()
    second = page.client.get(f"{page.place}/doubtful", params={"after": first["nucleus"]}).json()
    assert first["nucleus"] != second["nucleus"]
    page.correct("accept", nuclei=list(range(8)))
    assert page.client.get(f"{page.place}/doubtful").json() == {"nucleus": None}
    assert page.client.get(f"{page.place}/doubtful", params={"after": "a1"}).json() == {"nucleus": None}
