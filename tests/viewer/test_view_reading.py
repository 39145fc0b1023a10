"""Nuclei out of every kind of result that nuseg writes, out of datasets, and out of memory."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from skimage.measure import label

from class_model import CLASSES, CONFIG, class_network, picture
from nuseg.annotations.object_ids import object_id
from nuseg.datasets.dataset import Dataset
from nuseg.datasets.prepare import PrepareSettings, prepare
from nuseg.errors import NusegError
from nuseg.io.image import write_png
from nuseg.measure.classes import class_colours, hexadecimal
from nuseg.model.store import Model
from nuseg.segmentation.segmenter import Segmenter
from nuseg.viewer.columns import coloured
from nuseg.viewer.nuclei import Nuclei, Outlines
from nuseg.viewer.reading import from_batches, read_result, read_truth
from shown import DARK, DISCS, MPP, client_of, discs, save_shown, shelf_of

KINDS = [
    *(("geoparquet",), ("geojson", "csv"), ("geojson", "parquet"), ("geojson-gz",), ("geojson",)),
    *(("labels", "csv"), ("labels",)),
]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Nuclei:
    image = tmp_path_factory.mktemp("memory") / "a.png"
    write_png(image, discs())
    with DARK(image, mpp=MPP) as result:
        return from_batches("a", list(result.batches()))


@pytest.mark.parametrize("outputs", KINDS, ids=" ".join)
def test_every_kind_of_result_gives_the_same_nuclei(tmp_path: Path, outputs: tuple[str, ...], expected: Nuclei) -> None:
    found = read_result(save_shown(tmp_path, outputs), "a", MPP)
    assert found.numbers.tolist() == expected.numbers.tolist() == list(range(1, len(DISCS) + 1))
    names = {"x", "y", "area_um2"} if outputs == ("labels",) else set(expected.columns)
    assert set(found.columns) == names
    for name in names:
        assert np.allclose(found.columns[name], expected.columns[name], rtol=0.05, atol=0.5), name
    for index in range(len(DISCS)):
        assert found.object_id(index) == object_id("a", index + 1)
        own, other = (np.sort(nuclei.outline(index), axis=0) for nuclei in (found, expected))
        assert np.abs(own.mean(axis=0) - other.mean(axis=0)).max() < 1


def test_what_lacks_measures_or_an_outline_is_kept(tmp_path: Path) -> None:
    results = save_shown(tmp_path, ("geojson", "csv"))
    file, table = results / "geojson" / "a.geojson", results / "csv" / "a.csv"
    content = json.loads(file.read_text())
    del content["features"][1]
    file.write_text(json.dumps(content))
    rows = list(csv.reader(table.read_text().splitlines()))
    table.write_text("\n".join(",".join(row) for row in rows if row[0] != "3"))
    found = read_result(results, "a", MPP)
    assert len(found) == len(DISCS)
    assert [len(found.outline(index)) > 0 for index in range(len(DISCS))] == [True, False, True, True, True]
    assert np.isnan(found.columns["probability"]).tolist() == [False, False, False, False, True]
    assert np.isfinite(found.columns["x"]).all()
    shelf = shelf_of(results)
    layer = f"/api/items/{shelf.items[0].id}/layers/result"
    told = client_of(shelf).get(f"{layer}/nuclei/4").json()
    assert (told["probability"], told["measures"]["probability"]) == (None, None)
    assert client_of(shelf).get(layer).status_code == 200


def test_an_empty_result_has_no_nuclei(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    write_png(image, discs([]))
    for output in ("geoparquet", "geojson", "labels"):
        with DARK(image, mpp=MPP) as result:
            result.save(tmp_path / output, [output, "csv"])
        (tmp_path / output / "summary.csv").write_text("name,image,width,height,mpp,nuclei,model,settings,error\n")
        found = read_result(tmp_path / output, "a", MPP)
        assert (len(found), found.cell_bytes(0, 0)) == (0, bytes(8))


def test_classes_come_from_a_column(tmp_path: Path) -> None:
    results = save_shown(tmp_path)
    path = results / "geoparquet" / "a.parquet"
    table = pq.read_table(path)
    names = ["tumour", None, "stroma", "tumour", "tumour"]
    pq.write_table(table.append_column("class", pa.array(names)), path)
    found = read_result(results, "a", MPP)
    assert found.class_names == ("tumour", "stroma")
    assert [found.class_of(index) for index in range(len(DISCS))] == names


@pytest.mark.parametrize("output", ["geoparquet", "memory"])
def test_a_class_keeps_its_colour_where_others_do_not_occur(tmp_path: Path, output: str) -> None:
    pixels = picture()
    pixels[..., 0] = np.where(pixels[..., 0] < 240, 0, 240)  # nothing is red
    result = Segmenter(Model(CONFIG, Path()), class_network)(pixels, 0.25)
    if output == "memory":
        nuclei = from_batches("a", list(result.batches()))
    else:
        result.save(tmp_path, [output], "a")
        nuclei = read_result(tmp_path, "a", 0.25)
    shown = {one["name"]: one["color"] for one in coloured(nuclei.class_names)}
    assert {nuclei.class_of(index) for index in range(len(nuclei))} == {"other"}
    assert shown == {name: hexadecimal(colour) for name, colour in class_colours(CLASSES).items()}


def test_truth_has_the_classes_of_its_dataset(tmp_path: Path) -> None:
    source = tmp_path / "source"
    labels = label(discs()[..., 0] < 128).astype(np.uint16)
    write_png(source / "images" / "a.png", discs())
    write_png(source / "labels" / "a.png", labels)
    prepare(source, tmp_path / "dataset", PrepareSettings(mpp=MPP, split=(0, 0, 1)))
    item = Dataset.load(tmp_path / "dataset").items[0]
    found = read_truth(item, ("immune", "other"))
    assert len(found) == len(DISCS)
    assert np.allclose(sorted(found.columns["area_um2"]), sorted(np.bincount(labels.ravel())[1:] * MPP**2))
    assert (found.class_names, set(found.class_index.tolist())) == (("immune", "other"), {-1})


@pytest.mark.parametrize("kind", ["geoparquet", "geojson", "labels"])
@pytest.mark.parametrize("damage", ["empty", "cut", "noise"])
def test_damage_is_one_clear_line(tmp_path: Path, kind: str, damage: str) -> None:
    results = save_shown(tmp_path, (kind,))
    (file,) = (results / kind).iterdir()
    content = file.read_bytes()
    file.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "noise": bytes(range(256)) * 20}[damage])
    with pytest.raises(NusegError, match=r"a\.") as raised:
        read_result(results, "a", MPP).cell_bytes(0, 0)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("column", ["x_px", "id"])
def test_a_table_without_what_is_needed_is_refused(tmp_path: Path, column: str) -> None:
    results = save_shown(tmp_path)
    path = results / "geoparquet" / "a.parquet"
    pq.write_table(pq.read_table(path).drop_columns([column]), path)
    with pytest.raises(NusegError, match=f"lacks {column}"):
        read_result(results, "a", MPP)


def test_places_that_are_none_are_refused(tmp_path: Path) -> None:
    results = save_shown(tmp_path)
    path = results / "geoparquet" / "a.parquet"
    table = pq.read_table(path)
    values = pa.array([float("nan"), *[1.0] * (len(DISCS) - 1)])
    pq.write_table(table.set_column(table.schema.get_field_index("x_px"), "x_px", values), path)
    with pytest.raises(NusegError, match="without a place"):
        read_result(results, "a", MPP)


def test_outlines_are_read_part_by_part(tmp_path: Path) -> None:
    results = save_shown(tmp_path)
    path = results / "geoparquet" / "a.parquet"
    whole = read_result(results, "a", MPP)
    rings = [whole.outline(index) for index in range(len(DISCS))]
    pq.write_table(pq.read_table(path), path, row_group_size=2)
    parted = read_result(results, "a", MPP)
    assert parted.parts.tolist() == [0, 2, 4, 5]
    for index, ring in enumerate(rings):
        assert (parted.outline(index) == ring).all()
    together = parted.outlines(np.array([0, 3, 4]))
    assert (np.diff(together.start) == [len(rings[index]) for index in (0, 3, 4)]).all()


def test_outlines_keep_a_thousandth_of_a_pixel_also_far_away() -> None:
    ring = np.array([[199_999.123, 150_000.456], [200_010.5, 150_000.25], [200_005.75, 150_011.001]])
    found = Outlines.of_rings([ring])
    assert np.abs(found.points / 1000 - ring).max() < 1e-3
    for bad in (np.nan, np.inf, 1e9):
        with pytest.raises(NusegError, match="coordinate"):
            Outlines.of_rings([np.array([[0, 0], [1, 0], [1, bad]])])
