"""Correcting nuclei, and training on the corrections, in a real browser."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from viewed import Served, item_id, table, text_of

from dark_model import save_trainable_model

NAME = "case 1"


def drag(page: Any, *points: tuple[float, float]) -> None:
    """Draw over the picture, from the middle of the view on."""
    box = page.locator("#stage").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x + points[0][0], y + points[0][1])
    page.mouse.down()
    for right, down in points[1:]:
        page.mouse.move(x + right, y + down)
    page.mouse.up()


def test_correct_lose_the_server_and_go_on(serve: Callable[..., Served], open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    served = serve()
    page = open_page(served)
    nuclei = table(served, NAME)
    corrections = f"{served.url}api/items/{item_id(page, NAME)}/corrections"

    def state() -> Any:
        return page.request.get(corrections).json()

    def version(number: int) -> None:
        expect(page.locator("#correct")).to_have_attribute("data-version", str(number))

    def look_at(x: float, y: float) -> None:
        page.goto(f"{served.url}#image={item_id(page, NAME)}&x={x}&y={y}&zoom=2")
        page.locator("#view[aria-busy=false]").wait_for()
        page.focus("#stage")

    # delete a nucleus of the results
    first = nuclei.iloc[nuclei["area_um2"].argmax()]
    look_at(first.x_px, first.y_px)
    page.keyboard.press(" ")
    expect(page.locator("#nucleus tr")).not_to_have_count(0)
    page.keyboard.press("x")
    version(1)
    assert state()["deleted"] == [int(first.id) - 1]

    # draw one, split it by a line, and merge the halves again
    page.keyboard.press("d")
    drag(page, *((40 * math.sin(angle / 4), -40 * math.cos(angle / 4)) for angle in range(25)))
    version(2)
    (drawn,) = state()["added"]
    page.keyboard.press("s")
    drag(page, (-70, 3), (0, 2), (70, 0))
    version(3)
    halves = state()["added"]
    assert len(halves) == 2
    page.keyboard.press("Escape")
    box = page.locator("#stage").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(x, y - 20)
    page.keyboard.down("Shift")
    page.mouse.click(x, y + 20)
    page.keyboard.up("Shift")
    page.keyboard.press("m")
    version(4)
    (merged,) = state()["added"]
    assert area(merged["polygon"]) > 0.95 * area(drawn["polygon"])
    assert all(area(half["polygon"]) > 0.3 * area(drawn["polygon"]) for half in halves)

    # the server dies: the page says so, and goes on with it when it is back
    served.kill()
    page.keyboard.press("u")
    expect(page.locator("#message")).to_contain_text("does not answer")
    served.start()
    page.keyboard.press("u")
    version(5)
    assert len(state()["added"]) == 2
    page.keyboard.press("y")
    version(6)
    assert [one["polygon"] for one in state()["added"]] == [merged["polygon"]]

    # judged one by one, the most doubtful first
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.locator("#nucleus")).to_contain_text("Probability")
    page.keyboard.press("a")
    version(7)
    assert state()["counts"]["accepted"] == 1

    # a second window changes something, while this one has not looked
    page.route("**/corrections?since=*", lambda route: route.fulfill(json={"version": 7}))
    other = open_page(served, page.url[len(served.url) :])
    other.focus("#stage")
    other.keyboard.press("u")
    expect(other.locator("#correct")).to_have_attribute("data-version", "8")
    page.focus("#stage")
    page.keyboard.press("u")
    expect(page.locator("#message")).to_contain_text("Changed in another window")
    version(8)
    assert state()["version"] == 8
    page.unroute("**/corrections?since=*")

    # all of it is there after a reload, and in the export
    page.reload()
    version(8)
    expect(page.locator("#correct-counts")).to_have_text("1 deleted, 1 added")
    with page.expect_download() as saved:
        page.click("#geojson")
    features = json.loads(saved.value.path().read_text())["features"]
    assert len(features) == len(nuclei)  # one less, one more


def area(ring: list[list[float]]) -> float:
    """Area of a polygon, by its corners."""
    pairs = zip(ring, [*ring[1:], ring[0]], strict=True)
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairs)) / 2


def test_what_is_done_faster_than_the_server_answers(
    serve: Callable[..., Served], open_page: Callable[..., Any]
) -> None:
    """Nothing that was pressed is lost, or done to another nucleus or image; late answers change no other view."""
    from playwright.sync_api import expect

    served = serve()
    page = open_page(served)
    version, name = page.locator("#correct"), page.locator("#image-name")
    place = f"{served.url}api/items/{item_id(page, NAME)}/corrections"

    def state() -> Any:
        return page.request.get(place).json()

    def late(route: Any) -> None:
        page.wait_for_timeout(150)
        route.continue_()

    page.route("**/corrections**", late)
    page.focus("#stage")
    page.keyboard.press("n")
    expect(page.locator("#nucleus tr")).not_to_have_count(0)
    for key in "ajx":  # three nuclei, one after the other
        page.keyboard.press(key)
    expect(version).to_have_attribute("data-version", "3")
    counts = state()["counts"]
    assert (counts["accepted"], counts["rejected"], counts["deleted"]) == (1, 1, 1)
    for _ in range(3):
        page.keyboard.press("u")
    expect(version).to_have_attribute("data-version", "6")
    assert not any(state()["counts"].values())

    # a class that the results do not have, by its name, then by its number
    page.evaluate("window.prompt = () => ' lymphocyte '")
    expect(page.locator("#class")).to_be_enabled()
    page.select_option("#class", label="new class …")
    expect(version).to_have_attribute("data-version", "7")
    expect(page.locator("#legend")).to_contain_text("lymphocyte")
    page.focus("#stage")
    page.keyboard.press("n")
    page.keyboard.press("1")
    expect(version).to_have_attribute("data-version", "8")
    assert {one["class"] for one in state()["changed"].values()} == {"lymphocyte"}
    assert len(state()["changed"]) == 2

    # the next image, while the answer is on its way
    page.keyboard.press("n")
    page.keyboard.press("x")
    page.keyboard.press("]")
    expect(name).to_have_text("case 2")
    expect(version).to_have_attribute("data-version", "0")
    page.wait_for_timeout(500)
    expect(version).to_have_attribute("data-version", "0")
    expect(page.locator("#correct-counts")).to_have_text("")
    assert state()["counts"]["reclassified"] == 2
    page.keyboard.press("[")
    expect(page.locator("#correct-counts")).to_contain_text("reclassified")


def test_links_that_lead_nowhere(serve: Callable[..., Served], open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    served = serve()
    page = open_page(served, "#image=gone&x=5&y=5&zoom=4&nucleus=3")
    expect(page.locator("#message")).to_contain_text("not here")
    expect(page.locator("#nucleus tr")).to_have_count(0)
    wrong = "&x=1e308&y=-1e308&zoom=1e308&filter=area_um2~a~b&filter=x&nucleus=-5&nucleus=%22__proto__%22&nucleus=1e400"
    page.goto(f"{served.url}#image={item_id(page, NAME)}{wrong}&compare=result&layer=x&colour=__proto__")
    expect(page.locator("#zoom")).to_contain_text("(1,600 %)")
    expect(page.locator("#filtered")).to_contain_text(f"{len(table(served, NAME))} of")
    expect(page.locator("#nucleus tr")).to_have_count(0)


def test_train_on_finished_regions_and_use_the_model(
    serve: Callable[..., Served], open_page: Callable[..., Any], tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    pytest.importorskip("torch", reason="training needs PyTorch")
    save_trainable_model(tmp_path / "small", 0.25)
    served = serve(model=str(tmp_path / "small"))
    page = open_page(served)
    small = {"epochs": 1, "steps": 2, "batch": 1, "window": 64, "workers": 0}

    def smaller(route: Any) -> None:
        if route.request.method == "POST":
            assert route.request.post_data_json == {"epochs": 1, "steps": 2}
            route.continue_(post_data=json.dumps(small))
        else:
            route.continue_()

    page.route("**/api/training", smaller)
    page.focus("#stage")
    page.keyboard.press("0")
    for number, (left, right) in enumerate(((-190, -70), (-60, 60), (70, 190)), 1):
        page.keyboard.press("t")
        drag(page, (left, -150), (left + 20, 0), (right, 150))
        expect(page.locator("#region")).to_contain_text("Nuclei")
        page.keyboard.press("k")
        expect(page.locator("#finished li")).to_have_count(number)
    page.locator("#learn > summary").click()
    page.fill("#epochs", "1")
    page.fill("#steps", "2")
    page.click("#train")
    expect(page.locator("#train-state")).to_have_text("Training is done.", timeout=240_000)
    expect(page.locator("#curves svg")).not_to_have_count(0)
    expect(page.locator("#compared")).to_contain_text("Held-out regions")
    assert "nuseg train" in page.locator("#command").text_content()
    assert text_of(page, "verdict")
    page.click("#train-use")
    expect(page.locator("#train-use")).to_have_text("The new model is in use")
