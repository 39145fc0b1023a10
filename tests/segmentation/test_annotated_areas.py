"""Counts per annotation: by hand, in every table, whatever the tiles, and the same on a slide."""

import json
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from dark_model import CONFIG, dark_network
from nuseg.annotations.polygons import contains
from nuseg.errors import NusegError
from nuseg.model.store import Model
from nuseg.results.areas import AnnotatedArea, distinct, members
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.region import Region, read_region
from nuseg.segmentation.segmenter import Segmenter
from slide_files import array_slide

MPP = 0.25
DARK = Segmenter(Model(CONFIG, Path("nowhere")), dark_network)
PLACES = [(20, 50), (60, 50), (140, 50), (220, 50)]  # upper left corners of nuclei of 10 x 10 px


def tissue(nuclei: bool = True) -> np.ndarray:
    pixels = np.full((200, 300, 3), (225, 150, 190), np.uint8)
    for x, y in PLACES if nuclei else []:
        pixels[y : y + 10, x : x + 10] = 20
    return pixels


def ring(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]


def drawn(name: str | None, kind: str | None, *rings: list[list[float]]) -> dict[str, object]:
    """An annotation as QuPath exports it; several rings are several pieces."""
    properties = {"objectType": "annotation", "name": name, "classification": kind and {"name": kind}}
    geometry = {"type": "MultiPolygon", "coordinates": [[one] for one in rings]}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def save(path: Path, *features: dict[str, object]) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


@pytest.fixture
def several(tmp_path: Path) -> Path:
    return save(
        tmp_path / "areas.geojson",
        drawn("Invasive front", "Tumour", ring(0, 0, 100, 200)),
        drawn(None, "Stroma", ring(10, 40, 40, 70)),  # within the first
        drawn(None, "Stroma", ring(120, 0, 180, 100), ring(200, 0, 400, 100)),  # two pieces, beyond the border
        drawn(None, None, ring(900, 900, 1000, 1000)),  # beside the image
    )


def test_counts_by_hand(several: Path) -> None:
    found = DARK(tissue(), options=SegmentOptions(MPP, read_region(str(several))))
    table = found.annotations.set_index("annotation")
    assert table.index.tolist() == ["Invasive front", "Stroma 1", "Stroma 2", "area"]
    assert table["annotation_class"].tolist() == ["Tumour", "Stroma", "Stroma", ""]
    assert table["nuclei"].tolist() == [2, 1, 2, 0]
    px = np.array([100 * 200, 30 * 30, 60 * 100 + 100 * 100, 0])
    assert table["area_mm2"].to_numpy() == pytest.approx(px * MPP**2 / 1e6, abs=1e-6)
    assert table["nuclei_per_mm2"].to_numpy()[:3] == pytest.approx(
        np.array([2, 1, 2]) / (px[:3] * MPP**2 / 1e6), rel=1e-3
    )
    assert np.isnan(table["nuclei_per_mm2"].iloc[3])
    assert table["mean_area_um2"].tolist()[:3] == [6.25] * 3
    assert np.isnan(table["mean_area_um2"].iloc[3])
    assert found.nuclei["annotation"].tolist() == ["Stroma 1", "Invasive front", "Stroma 2", "Stroma 2"]
    assert found.nuclei["annotation_class"].tolist() == ["Stroma", "Tumour", "Stroma", "Stroma"]
    assert [row["nuclei"] for row in found.summary["annotations"]] == [2, 1, 2, 0]


def test_without_an_annotation_nothing_is_added() -> None:
    for region in (None, read_region("0,0,100,100"), Region(((np.array(ring(0, 0, 90, 90)[:4]),),))):
        found = DARK(tissue(), options=SegmentOptions(MPP, region))
        assert "annotation" not in found.nuclei
        assert found.annotations.empty


@pytest.mark.parametrize("nuclei", [True, False])
def test_every_table_names_the_annotation(several: Path, tmp_path: Path, nuclei: bool) -> None:
    found = DARK(tissue(nuclei), options=SegmentOptions(MPP, read_region(str(several))))
    outputs = ["csv", "parquet", "geoparquet", "geojson", "anndata"]
    # parquet and geoparquet share a suffix, not a folder
    paths = found.save(tmp_path / "out", outputs, "a")
    names = ["Stroma 1", "Invasive front", "Stroma 2", "Stroma 2"] if nuclei else []
    for output in ("csv", "parquet", "geoparquet"):
        table = pd.read_csv(paths[output]) if output == "csv" else pq.read_table(paths[output]).to_pandas()
        assert table["annotation"].tolist() == names, output
        assert table["annotation_class"].tolist() == [{"I": "Tumour"}.get(name[0], "Stroma") for name in names]
    features = json.loads(paths["geojson"].read_text(encoding="utf-8"))["features"]
    assert [one["properties"]["metadata"]["annotation"] for one in features] == names
    assert anndata.read_h5ad(paths["anndata"]).obs["annotation"].tolist() == names


@pytest.mark.parametrize("tile", [64, 96, 512])
def test_tissue_in_each_area_is_the_same_for_all_tiles(tmp_path: Path, tile: int) -> None:
    pixels = np.full((640, 700, 3), 245, np.uint8)
    pixels[100:500, 100:600] = (225, 150, 190)
    pixels[200:300, 200:260] = 245  # lumen
    left = drawn("left", None, ring(90, 90, 350, 600))
    right = drawn("right", None, ring(350, 90, 690, 600))
    region = read_region(str(save(tmp_path / "halves.geojson", left, right)))
    found = DARK(array_slide(pixels, mpp=1.0), options=SegmentOptions(None, region, tissue=True, tile=tile))
    table = found.annotations.set_index("annotation")
    assert (table["density_area"] == "tissue").all()
    assert found.info.tissue_mm2 is not None
    assert found.info.annotations_mm2.sum() == pytest.approx(found.info.tissue_mm2)
    assert table.loc["left", "area_mm2"] == pytest.approx((250 * 400 - 100 * 60) / 1e6, rel=0.05)
    assert table.loc["right", "area_mm2"] == pytest.approx(250 * 400 / 1e6, rel=0.05)


def test_an_interrupted_slide_goes_on_to_the_same_areas(tmp_path: Path) -> None:
    region = read_region(str(save(tmp_path / "a.geojson", drawn("a", None, ring(0, 0, 250, 150)))))
    options = SegmentOptions(None, region, tissue=True, tile=64)
    whole = DARK(array_slide(tissue(), mpp=1.0), options=options)
    calls = 0

    def dying(batch: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise NusegError("killed")
        return dark_network(batch)

    with pytest.raises(NusegError, match="killed"):
        Segmenter(DARK.model, dying)(array_slide(tissue(), mpp=1.0), options=options, checkpoint=tmp_path / "part")
    again = DARK(array_slide(tissue(), mpp=1.0), options=options, checkpoint=tmp_path / "part")
    pd.testing.assert_frame_equal(again.annotations, whole.annotations)
    assert whole.annotations["area_mm2"][0] > 0


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_members_are_those_that_each_area_contains(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 12, (6, 2, 2))
    boxes = [shapely.box(*np.minimum(*pair), *(np.maximum(*pair) + 1)) for pair in corners]
    areas = [AnnotatedArea(str(number), "", box) for number, box in enumerate(boxes)]
    x, y = rng.integers(0, 26, (2, 60)) / 2  # many of them on borders
    area, point = members(areas, x, y)
    found = np.zeros((6, 60), bool)
    found[area, point] = True
    assert len(area) == found.sum()
    assert np.array_equal(found, [contains(box, x, y) for box in boxes])


@given(st.lists(st.sampled_from(["a", "a 1", "a 2", "b"]), max_size=9))
def test_names_are_told_apart(names: list[str]) -> None:
    found = distinct(names)
    assert len(set(found)) == len(found) == len(names)
    for name, own in zip(names, found, strict=True):
        assert own == name if names.count(name) == 1 else own.startswith(f"{name} ")


def test_another_name_is_another_result(tmp_path: Path) -> None:
    one = read_region(str(save(tmp_path / "1.geojson", drawn("one", "Tumour", ring(0, 0, 9, 9)))))
    two = read_region(str(save(tmp_path / "2.geojson", drawn("two", "Tumour", ring(0, 0, 9, 9)))))
    assert one.corners() == two.corners()
    assert one.labels() != two.labels()
