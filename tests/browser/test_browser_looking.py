"""Looking at nuclei in a real browser."""

import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from viewed import Served, item_id, table, text_of

HOSTILE = "<img src=x onerror=alert(1)> & 'b'"


def test_look_filter_select_measure_and_export(serve: Callable[..., Served], open_page: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    served = serve()
    page = open_page(served)
    nuclei = table(served, "case 2")

    # the list: found by name, opened by a click
    expect(page.locator("#items button")).to_have_count(2)
    page.fill("#find", "case 2")
    expect(page.locator("#items button")).to_have_count(1)
    page.locator("#items button").click()
    expect(page.locator("#image-name")).to_have_text("case 2")
    expect(page.locator("#filtered")).to_have_text(f"{len(nuclei)} of {len(nuclei)} nuclei shown")
    expect(page.locator("#drawn")).to_have_text(f"{len(nuclei)} nuclei in view, drawn as outlines")

    # the outlines are there: hiding them changes the picture, and it comes back the same
    shown = Image.open(io.BytesIO(page.locator("#view").screenshot()))
    page.focus("#stage")
    page.keyboard.press("o")
    expect(page.locator("#opacity")).to_have_value("0")
    hidden = Image.open(io.BytesIO(page.locator("#view").screenshot()))
    page.keyboard.press("o")
    assert (np.abs(np.asarray(shown, int) - np.asarray(hidden, int)).max(axis=2) > 60).mean() > 0.005

    # a link puts a nucleus in the middle; space selects it, and so does a click
    row = nuclei.iloc[nuclei["area_um2"].argmax()]
    link = f"image={item_id(page, 'case 2')}&x={row.x_px}&y={row.y_px}&zoom=4"
    page.goto(f"{served.url}#{link}")
    expect(page.locator("#zoom")).to_contain_text("400 %")
    expect(page.locator("#view")).to_have_attribute("aria-busy", "false")
    before = text_of(page, "zoom")
    page.focus("#stage")
    page.keyboard.press(" ")
    expect(page.locator("#nucleus")).to_contain_text(re.compile(rf"^Id{int(row.id)}\D"))
    expect(page.locator("#nucleus")).to_contain_text(f"{row.area_um2:.3g} µm²")
    page.keyboard.press("Escape")
    expect(page.locator("#nucleus tr")).to_have_count(0)
    page.locator("#stage").click()
    expect(page.locator("#nucleus")).to_contain_text(re.compile(rf"^Id{int(row.id)}\D"))
    page.keyboard.press("-")
    expect(page.locator("#zoom")).not_to_have_text(before)

    # a link is followed although the address of the view before it is written late
    link, late = link.replace("zoom=4", "zoom=3"), link.replace("zoom=4", "zoom=2")
    page.evaluate(f"location.hash = '{link}'; history.replaceState(null, '', '#{late}')")
    expect(page.locator("#zoom")).to_contain_text("300 %")
    expect(page.locator("#view")).to_have_attribute("aria-busy", "false")

    # colours, a filter by numbers and one by brush; reloading restores them
    page.select_option("#colour", "area_um2")
    expect(page.locator("#legend canvas")).to_be_visible()
    page.fill("#from", "20")
    page.keyboard.press("Tab")
    kept = (nuclei["area_um2"] >= 20).sum()
    expect(page.locator("#filtered")).to_contain_text(f"{kept} of {len(nuclei)} nuclei shown")
    expect(page).to_have_url(re.compile("filter=area_um2"))
    page.reload()
    expect(page.locator("#filtered")).to_contain_text(f"{kept} of {len(nuclei)} nuclei shown")
    expect(page.locator("#colour")).to_have_value("area_um2")
    box = page.locator("#histogram").bounding_box()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 9)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 9, steps=3)
    page.mouse.up()
    low, high = (float(page.locator(f"#{end}").input_value()) for end in ("from", "to"))
    assert nuclei["area_um2"].min() < low < high < nuclei["area_um2"].max()
    kept = nuclei["area_um2"].between(low, high).sum()
    expect(page.locator("#filtered")).to_contain_text(f"{kept} of {len(nuclei)} nuclei shown")
    page.click("#clear-filters")

    # a region by the keyboard alone: count and table
    page.focus("#stage")
    page.keyboard.press("0")
    expect(page.locator("#drawn")).to_contain_text(f"{len(nuclei)} nuclei in view")
    page.keyboard.press("v")
    expect(page.locator("#region tr").first).to_have_text(f"Nuclei{len(nuclei)}")
    expect(page.locator("#region")).to_contain_text("95 % interval")
    expect(page.locator("#counting")).to_contain_text(re.compile(rf"^{len(nuclei)} nuclei in all \(\d+ to \d+\)$"))
    with page.expect_download() as saved:
        page.click("#region-csv")
    assert len(pd.read_csv(saved.value.path())) == len(nuclei)
    with page.expect_download() as saved:
        page.click("#save-picture")
    with Image.open(saved.value.path()) as picture:
        assert picture.width > 500
        assert len(picture.convert("RGB").getcolors(2**24)) > 1000


def test_names_are_text_and_an_image_without_results_is_segmented(
    serve: Callable[..., Served], open_page: Callable[..., Any]
) -> None:
    from playwright.sync_api import expect

    served = serve(f"{HOSTILE}.png")
    page = open_page(served)
    page.get_by_role("button", name="onerror").click()
    expect(page.locator("#image-name")).to_have_text(HOSTILE)
    expect(page.locator("#empty")).to_be_visible()
    page.click("#segment")
    expect(page.locator("#filtered")).to_contain_text(re.compile(r"^[1-9]\d* of"))
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    assert page.locator("#help").inner_text().count("\n") > 30
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
