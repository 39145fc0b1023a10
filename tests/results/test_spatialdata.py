"""SpatialData, read back by its own package and held against GeoParquet and the image."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nuseg
from nuseg.errors import NusegError
from nuseg.io import pyramid
from nuseg.io.image import write_png
from nuseg.io.reader import ArrayReader
from nuseg.io.source import Source
from nuseg.results.formats.anndata import VARIABLES
from nuseg.results.segmentation import Segmentation
from nuseg.results.store import MemoryStore
from slide_results import MPP, as_batch, as_result, image_info, label_field


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nuseg.results.output.find_spec", lambda name: None)
    wanted = r"needs the package spatialdata: pip install 'nuseg\[spatialdata\]'$"
    with pytest.raises(NusegError, match=f"^to_spatialdata {wanted}"):
        as_result([], image_info(10, 10)).to_spatialdata()
    with pytest.raises(NusegError, match=f"^read_spatialdata {wanted}"):
        nuseg.read_spatialdata("a.zarr")


reader = pytest.importorskip("spatialdata", reason="needs nuseg[spatialdata]")
geopandas = pytest.importorskip("geopandas", reason="needs nuseg[geo]")
LABELS = label_field(120, 181)
BATCH = as_batch(LABELS)
PIXELS = np.random.default_rng(0).integers(0, 256, (120, 181, 3), np.uint8)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyramid.lazy_levels, "__defaults__", (64,))


@pytest.fixture
def result(tmp_path: Path) -> Segmentation:
    """A result of an image in a file."""
    write_png(tmp_path / "case 1.png", PIXELS)
    info = replace(image_info(120, 181), path=tmp_path / "case 1.png", notes=("pale",))
    return Segmentation(info, MemoryStore([BATCH]), Source(info.path, ArrayReader(PIXELS)))


def test_it_holds_what_geoparquet_and_the_image_hold(result: Segmentation, tmp_path: Path) -> None:
    paths = result.save(tmp_path / "out", ["spatialdata", "geoparquet"])
    read, table = reader.read_zarr(paths["spatialdata"]), geopandas.read_parquet(paths["geoparquet"])
    shapes = read.shapes["nuclei"]
    assert list(shapes.index) == list(table["id"])
    assert (shapes.geometry.to_numpy() == table.geometry.to_numpy()).all()
    nuclei = read.tables["table"]
    assert list(nuclei.obs["id"]) == list(table["id"])
    assert np.array_equal(nuclei.X, table[VARIABLES].to_numpy(np.float32))
    assert np.array_equal(nuclei.obsm["spatial"], table[["x_px", "y_px"]])
    finest = read.images["image"]["scale0"]["image"]
    assert np.array_equal(finest.values, PIXELS.transpose(2, 0, 1))
    assert list(finest.coords["c"].values) == ["r", "g", "b"]
    assert [read.images["image"][scale]["image"].shape[1:] for scale in ("scale1", "scale2")] == [(60, 91), (30, 46)]
    assert read.attrs["nuseg"]["source"] == "case 1.png"
    assert read.attrs["nuseg"]["notes"] == ["pale"]


def test_tables_and_outlines_are_linked(result: Segmentation) -> None:
    made = result.to_spatialdata()
    joined, table = reader.join_spatialelement_table(
        sdata=made, spatial_element_names="nuclei", table_name="table", how="inner"
    )
    assert list(joined["nuclei"].index) == list(table.obs["id"]) == list(BATCH.table["id"])
    part = reader.bounding_box_query(
        made, axes=("x", "y"), min_coordinate=[0, 0], max_coordinate=[20, 30], target_coordinate_system="um"
    )
    x, y = BATCH.table["x_um"], BATCH.table["y_um"]
    wholly_inside = set(BATCH.table["id"][(x < 14) & (y < 24)])
    touching = set(BATCH.table["id"][(x < 26) & (y < 36)])
    assert wholly_inside <= set(part.shapes["nuclei"].index) <= touching
    assert list(part.tables["table"].obs["id"]) == list(part.shapes["nuclei"].index)


def test_coordinate_systems(result: Segmentation) -> None:
    made = result.to_spatialdata()
    assert set(made.coordinate_systems) == {"global", "px", "um"}
    for name, side in (("px", 1.0), ("global", 1.0), ("um", MPP)):
        extent = reader.get_extent(made, coordinate_system=name, elements=["image"])
        assert extent["x"] == pytest.approx((0, 181 * side))
        assert extent["y"] == pytest.approx((0, 120 * side))
        centres = reader.get_centroids(made["nuclei"], coordinate_system=name).compute()
        assert centres["x"].to_numpy() == pytest.approx(BATCH.table["x_px"].to_numpy() * side, abs=0.5)


def test_pixels_are_read_when_they_are_asked_for(result: Segmentation, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr(result.source, "read", lambda *place: read.append(place) or Source.read(result.source, *place))
    made = result.to_spatialdata()
    assert read == []
    part = made["image"]["scale0"]["image"][:, :10, :10].values
    assert np.array_equal(part, PIXELS[:10, :10].transpose(2, 0, 1))
    assert len(read) == 1
    assert "image" not in result.to_spatialdata(image=False).images


def test_by_reference_the_image_comes_from_its_file(result: Segmentation, tmp_path: Path) -> None:
    paths = result.save(tmp_path / "out", ["spatialdata", "spatialdata-reference"])
    assert not (paths["spatialdata-reference"] / "images" / "image").exists()
    whole, named = (nuseg.read_spatialdata(path) for path in paths.values())
    for scale in ("scale0", "scale1", "scale2"):
        assert np.array_equal(whole["image"][scale]["image"].values, named["image"][scale]["image"].values)
    assert whole["nuclei"].geometry.equals(named["nuclei"].geometry)
    write_png(tmp_path / "case 1.png", PIXELS[:50])
    with pytest.raises(NusegError, match=r"case 1\.png: expected 181 x 120 px, .* found 181 x 50 px"):
        nuseg.read_spatialdata(paths["spatialdata-reference"])


def test_an_array_has_no_file_to_name(result: Segmentation, tmp_path: Path) -> None:
    made = Segmentation(replace(result.info, path=None), MemoryStore([BATCH]), result.source)
    with pytest.raises(NusegError, match="expected an image from a file to name, found an array"):
        made.save(tmp_path / "out", ["spatialdata-reference"])
    assert not list((tmp_path / "out").rglob("*.zarr"))


def test_no_nuclei(tmp_path: Path) -> None:
    path = as_result([], image_info(40, 60)).save(tmp_path, ["spatialdata"])["spatialdata"]
    read = reader.read_zarr(path)
    assert list(read.shapes) == []
    assert read.tables["table"].shape == (0, len(VARIABLES))
    assert read.images["image"].shape == (3, 40, 60)


def test_an_older_folder_is_replaced(result: Segmentation, tmp_path: Path) -> None:
    for _ in range(2):
        path = result.save(tmp_path / "out", ["spatialdata"])["spatialdata"]
    assert list(path.parent.iterdir()) == [path]
    assert len(reader.read_zarr(path)["nuclei"]) == len(BATCH)
