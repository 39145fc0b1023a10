"""What the viewer's server gives: pixels, nuclei, regions, comparisons."""

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import shapely
from starlette.testclient import TestClient

import nuseg
from nuseg.io.image import write_png
from nuseg.measure.counts import CountError, count_interval
from nuseg.viewer.items import Item
from nuseg.viewer.pixels import OVERVIEW, TILE, Pixels, max_level, read_small
from nuseg.viewer.region_stats import statistics
from nuseg.viewer.security import Refused
from nuseg.viewer.shelf import Shelf
from shown import DISCS, MPP, SIZE, client_of, discs, save_results, save_shown, shelf_of
from slide_files import save_pyramid, scene

NEAR = 4.0  # mean difference of grey values that JPEG makes


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_shown(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def shelf(results: Path) -> Iterator[Shelf]:
    shelf = shelf_of(results)
    yield shelf
    shelf.close()


@pytest.fixture(scope="module")
def client(shelf: Shelf) -> TestClient:
    return client_of(shelf)


@pytest.fixture(scope="module")
def address(shelf: Shelf) -> str:
    return f"/api/items/{shelf.items[0].id}"


def test_the_list_says_what_the_summary_says(client: TestClient) -> None:
    (item,) = client.get("/api/items").json()["items"]
    assert (item["name"], item["kind"], item["width"], item["height"], item["mpp"]) == ("a", "image", *SIZE, MPP)
    assert item["nuclei"] == len(DISCS)
    assert item["density_per_mm2"] == pytest.approx(len(DISCS) / (SIZE[0] * SIZE[1] * MPP**2 / 1e6), rel=0.01)
    (layer,) = item["layers"]
    assert (layer["id"], layer["kind"], layer["editable"], layer["writable"]) == ("result", "result", True, True)
    assert client.get(item["thumbnail"]).status_code == 200


def test_counts_of_regions_have_an_interval_with_the_outputs_by_default(tmp_path: Path) -> None:
    """As the whole image has one; nothing but the records of the folder says how far the model may be off."""
    write_png(tmp_path / "a.png", discs()[:400, :400])
    nuseg.segment_folder(tmp_path / "a.png", tmp_path / "out", model="fast", mpp=MPP)
    shelf = shelf_of(tmp_path / "out")
    client, item = client_of(shelf), shelf.items[0]
    place = f"/api/items/{item.id}/layers/result"
    assert item.row is not None
    counting = client.get(place).json()["counting"]
    assert (counting["low"], counting["high"]) == (item.row.nuclei_low, item.row.nuclei_high)
    whole = client.post(f"{place}/region", json={"polygon": [[0, 0], [400, 0], [400, 400], [0, 400]]}).json()
    assert (whole["count"], whole["low"], whole["high"]) == (item.row.nuclei, counting["low"], counting["high"])
    part = client.post(f"{place}/region", json={"polygon": [[0, 0], [120, 0], [120, 120], [0, 120]]}).json()
    assert part["low"] <= part["count"] <= part["high"] < whole["high"]


def smooth(height: int, width: int, seed: int) -> np.ndarray:
    """Colours that change slowly, so that a small picture has them all, `(height, width, 3)` uint8."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 6, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def decoded(content: bytes) -> np.ndarray:
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return pixels[:, :, ::-1]


def level_of(client: TestClient, address: str, level: int, size: tuple[int, int]) -> np.ndarray:
    """Put all tiles of a level together."""
    factor = 2 ** (max_level(*size) - level)
    width, height = (math.ceil(side / factor) for side in size)
    rows = [
        np.hstack(
            [
                decoded(client.get(f"{address}/tiles/{level}/{column}_{row}.jpg").content)
                for column in range(math.ceil(width / TILE))
            ]
        )
        for row in range(math.ceil(height / TILE))
    ]
    whole = np.vstack(rows)
    assert whole.shape == (height, width, 3)
    return whole


def test_tiles_of_every_level_are_the_image_made_smaller(client: TestClient, address: str) -> None:
    pixels, highest = discs(), max_level(*SIZE)
    for level in range(highest + 1):
        drawn = level_of(client, address, level, SIZE)
        expected = cv2.resize(pixels, drawn.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(drawn.astype(float) - expected).mean() < NEAR, level


def test_tiles_of_a_pyramid_are_the_slide_made_smaller(tmp_path: Path) -> None:
    pixels = smooth(900, 1500, 3)
    shelf = shelf_of(save_pyramid(tmp_path / "slide.tif", pixels, (1, 4)))
    client, item = client_of(shelf), shelf.items[0]
    for level in range(max_level(1500, 900) - 6, max_level(1500, 900) + 1):
        drawn = level_of(client, f"/api/items/{item.id}", level, (item.width, item.height))
        expected = cv2.resize(pixels, drawn.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(drawn.astype(float) - expected).mean() < 2 * NEAR, level
    shelf.close()


def test_strips_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = shelf_of(save_pyramid(tmp_path / "slide.tif", scene(700, 900, 4), (1,), compression="zlib"))
    item = shelf.items[0]
    with shelf.pixels.reading(item) as source:
        assert source is not None
        whole = read_small(source, 0, (0, 0), (225, 175), 4.0)
        monkeypatch.setattr("nuseg.viewer.pixels.PART", 64)
        assert np.abs(whole.astype(int) - read_small(source, 0, (0, 0), (225, 175), 4.0)).max() <= 1
    shelf.close()


def test_coarse_tiles_of_a_file_without_levels_come_from_a_small_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = smooth(640, 2600, 5)
    shelf = shelf_of(save_pyramid(tmp_path / "flat.tif", pixels, (1,), compression="zlib"))
    monkeypatch.setattr("nuseg.viewer.pixels.OVERVIEW", 256)
    monkeypatch.setattr("nuseg.viewer.pixels.FAR", 2.0)
    assert OVERVIEW > 256
    item, client = shelf.items[0], client_of(shelf)
    for level in (6, 7, 8):
        drawn = level_of(client, f"/api/items/{item.id}", level, (item.width, item.height))
        expected = cv2.resize(pixels, drawn.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(drawn.astype(float) - expected).mean() < 3 * NEAR, level
    shelf.close()


@pytest.mark.parametrize(
    "tile", ["-1/0_0", "12/0_0", "99999/0_0", "11/9_0", "11/0_9", "11/-1_0", "11/0", "11/a_b", "11/0_0_0", "x/0_0"]
)
def test_there_are_no_other_tiles(client: TestClient, address: str, tile: str) -> None:
    assert client.get(f"{address}/tiles/{tile}.jpg").status_code == 404


def test_columns_are_the_table(client: TestClient, address: str, results: Path) -> None:
    told = client.get(f"{address}/layers/result").json()
    assert told["count"] == len(DISCS)
    names = [column["name"] for column in told["columns"]]
    assert names[:2] == ["x", "y"]
    assert {"area_um2", "probability", "haematoxylin_od"} <= set(names)
    x, y, area = (
        np.frombuffer(client.get(f"{address}/layers/result/columns/{name}.f32").content, "<f4")
        for name in ("x", "y", "area_um2")
    )
    order = sorted(DISCS, key=lambda disc: disc[1] - disc[2])
    assert np.allclose(np.stack([x, y], 1), [(cx + 0.5, cy + 0.5) for cx, cy, _ in order], atol=0.6)
    assert np.allclose(area, [np.pi * r**2 * MPP**2 for *_, r in order], rtol=0.15)
    described = {column["name"]: column for column in told["columns"]}["area_um2"]
    assert (described["min"], described["max"]) == pytest.approx((area.min(), area.max()))
    assert (described["label"], described["unit"], described["kind"]) == ("Area", "µm²", "number")
    assert client.get(f"{address}/layers/result/columns/id.f32").status_code == 404
    assert client.get(f"{address}/layers/none").status_code == 404


def unpacked(content: bytes) -> tuple[np.ndarray, list[np.ndarray]]:
    """Read a cell of outlines as the page does."""
    (count,) = np.frombuffer(content, "<u4", 1)
    index, start = np.split(np.frombuffer(content, "<u4", 2 * count + 1, 4), [count])
    points = np.frombuffer(content, "<f4", -1, 4 * (2 * count + 2)).reshape(-1, 2)
    assert len(points) == start[-1]
    return index, np.split(points, start[1:-1])[:count]


def test_cells_have_every_outline_once(client: TestClient, address: str, shelf: Shelf) -> None:
    nuclei, seen = shelf.nuclei(shelf.items[0], "result"), list[int]()
    for column in range(3):
        for row in range(2):
            content = client.get(f"{address}/layers/result/outlines/{column}_{row}.bin").content
            index, rings = unpacked(content)
            corner = np.array([column * 1024, row * 1024])
            seen += index.tolist()
            for number, ring in zip(index.tolist(), rings, strict=True):
                assert np.allclose(ring + corner, nuclei.outline(number), atol=2e-3)
                x, y = (nuclei.columns[axis][number] for axis in ("x", "y"))
                assert shapely.Polygon(ring + corner).contains(shapely.Point(x, y))
    assert sorted(seen) == list(range(len(DISCS)))
    assert unpacked(client.get(f"{address}/layers/result/outlines/50_50.bin").content)[0].size == 0


def test_a_nucleus_has_its_measures(client: TestClient, address: str) -> None:
    told = client.get(f"{address}/layers/result/nuclei/0").json()
    assert told["id"] == 1
    assert told["measures"]["area_um2"] > 0
    assert shapely.from_geojson(str(told["polygon"]).replace("'", '"')).area == pytest.approx(
        told["measures"]["area_um2"] / MPP**2, rel=0.1
    )
    for index in ("-1", "5", "99999999999", "x", "1.0"):
        assert client.get(f"{address}/layers/result/nuclei/{index}").status_code == 404


def test_a_region_is_counted_and_measured(client: TestClient, address: str) -> None:
    polygon = [[0, 0], [300, 0], [300, 200], [0, 200]]
    told = client.post(f"{address}/layers/result/region", json={"polygon": polygon}).json()
    assert told["count"] == 2
    assert told["area_um2"] == pytest.approx(300 * 200 * MPP**2)
    assert told["density_per_mm2"] == pytest.approx(2 / (300 * 200 * MPP**2) * 1e6)
    assert len(told["indices"]) == 2
    areas = [np.pi * r**2 * MPP**2 for x, y, r in DISCS if x < 300 and y < 200]
    assert told["measures"]["area_um2"]["mean"] == pytest.approx(np.mean(areas), rel=0.15)
    text = client.post(f"{address}/layers/result/region.csv", json={"polygon": polygon}).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [float(row["area_um2"]) for row in rows] == pytest.approx(sorted(areas), rel=0.2)
    assert [int(row["id"]) for row in rows] == [index + 1 for index in told["indices"]]


def test_what_lies_outside_of_the_image_has_no_area(client: TestClient, address: str) -> None:
    far = [[-1000, -1000], [5000, -1000], [5000, 5000], [-1000, 5000]]
    told = client.post(f"{address}/layers/result/region", json={"polygon": far}).json()
    assert (told["count"], told["area_um2"]) == (len(DISCS), pytest.approx(SIZE[0] * SIZE[1] * MPP**2))
    beyond = [[-500, -500], [-400, -500], [-400, -400]]
    told = client.post(f"{address}/layers/result/region", json={"polygon": beyond}).json()
    assert (told["count"], told["density_per_mm2"]) == (0, None)


def test_the_interval_of_a_region_is_that_of_its_count(shelf: Shelf) -> None:
    item = shelf.items[0]
    error = CountError(images=9, bias=0.0, mean_absolute=0.1, low=0.8, high=1.3, local=0.5)
    told = statistics(shelf.nuclei(item, "result"), item, shapely.box(0, 0, 300, 200), error)
    assert (told["low"], told["high"]) == count_interval(2, error)


def test_two_results_of_one_image_are_compared(tmp_path: Path) -> None:
    image = tmp_path / "images" / "a.png"
    write_png(image, discs())
    save_results(image, tmp_path / "one", ("geojson", "csv"))
    save_results(image, tmp_path / "two", ("labels",))
    shelf = shelf_of(tmp_path / "one", tmp_path / "two")
    (item,), client = shelf.items, client_of(shelf)
    assert [layer.id for layer in item.layers] == ["result", "result2"]
    told = client.get(f"/api/items/{item.id}/compare?a=result&b=result2").json()
    assert told["counts"] == {"matched": len(DISCS), "missed": 0, "false": 0, "split": 0, "merged": 0}
    part = client.get(f"/api/items/{item.id}/compare?a=result&b=result2&x=0&y=0&width=300&height=200").json()
    assert part["counts"]["matched"] == 2
    for query in ("", "a=result", "a=result&b=none"):
        assert client.get(f"/api/items/{item.id}/compare?{query}").status_code == 404
    for query in ("x=0", "x=a&y=0&width=1&height=1", "x=0&y=0&width=nan&height=1", "x=0&y=0&width=1e400&height=1"):
        assert client.get(f"/api/items/{item.id}/compare?a=result&b=result2&{query}").status_code == 400


def test_damaged_results_are_said_in_one_line(tmp_path: Path) -> None:
    results = save_shown(tmp_path)
    (results / "geoparquet" / "a.parquet").write_bytes(b"PAR1 no table PAR1")
    shelf = shelf_of(results)
    answer = client_of(shelf).get(f"/api/items/{shelf.items[0].id}/layers/result")
    assert answer.status_code == 400
    assert "a.parquet" in answer.json()["error"]


def test_a_damaged_image_is_said_in_one_line(tmp_path: Path) -> None:
    results = save_shown(tmp_path)
    shelf = shelf_of(results)
    (tmp_path / "images" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    answer = client_of(shelf).get(f"/api/items/{shelf.items[0].id}/tiles/11/0_0.jpg")
    assert answer.status_code == 400
    assert "a.png" in answer.json()["error"]


def test_few_files_are_open_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nuseg.viewer.pixels.MOST_OPEN", 2)
    for number in range(5):
        write_png(tmp_path / f"{number}.png", scene(64, 64, number))
    shelf = shelf_of(tmp_path)
    for item in (*shelf.items, *shelf.items):
        assert shelf.pixels.tile(item, 6, 0, 0)
        with shelf.pixels.reading(item):
            assert len(shelf.pixels._open) <= 2
    shelf.close()


def test_an_item_without_its_image_is_blank() -> None:
    pixels = Pixels()
    item = Item("i", "a", "slide", 3000, 2000)
    assert decoded(pixels.tile(item, 12, 0, 0)).min() > 200
    assert decoded(pixels.thumbnail(item)).min() > 200
    with pytest.raises(Refused):
        pixels.tile(item, 13, 0, 0)
