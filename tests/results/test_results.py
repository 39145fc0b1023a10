"""All results in one pass."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely
import tifffile

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.io.opening import read_image
from nuseg.io.reader import ArrayReader
from nuseg.io.source import Source
from nuseg.measure.counts import CountError
from nuseg.plot.outlines import draw_outlines
from nuseg.results import segmentation
from nuseg.results.batch import NucleiBatch
from nuseg.results.early import EarlyFiles, EarlyOutputs
from nuseg.results.formats import labels as label_tiff
from nuseg.results.info import ResultInfo
from nuseg.results.output import Add, Output
from nuseg.results.registry import default_outputs, outputs
from nuseg.results.segmentation import Segmentation
from nuseg.results.store import Box, MemoryStore
from slide_results import MPP, PINK, as_batch, as_result, cut, image_info, label_field, slide_info

LABELS = label_field(240, 480)
BATCH = as_batch(LABELS)
INFO = slide_info(*LABELS.shape)
IMAGE = image_info(*LABELS.shape)
ALL = tuple(outputs)
SLIDE_DEFAULTS = tuple(output.name for output in default_outputs("slide"))


def write(folder: Path, *sizes: int, names: Iterable[str] = ALL) -> dict[str, bytes]:
    """Write results of the nuclei cut so; every file by its place."""
    for name in names:
        with_packages(name)
    as_result(cut(BATCH, *sizes), INFO).save(folder, tuple(names), "case.1")
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(files)}


def with_packages(name: str) -> None:
    """Skip where what writes an output is not installed."""
    for package in outputs[name].needs:
        pytest.importorskip(package, reason=f"needs nuseg[{outputs[name].extra}]")


class LazyStore:
    """Nuclei made anew whenever they are asked for."""

    def __init__(self, make) -> None:  # type: ignore[no-untyped-def]
        self.make = make

    def batches(self, box: Box | None = None) -> Iterator[NucleiBatch]:
        return self.make()

    def close(self) -> None: ...


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmentation, "ROWS", 64)


@pytest.mark.usefixtures("few_rows")
def test_files_do_not_depend_on_how_the_nuclei_came(tmp_path: Path) -> None:
    files = write(tmp_path / "a")
    assert write(tmp_path / "b", 1, 100, 0, 30) == files
    assert {path.split("/")[0] for path in files} == {output.folder or output.name for output in outputs.values()}


def test_defaults() -> None:
    assert {output.name for output in default_outputs("image")} == {"csv", "geojson", "labels", "mask", "overlay"}
    assert set(SLIDE_DEFAULTS) == {"csv", "density", "geojson", "geoparquet", "overview", "summary", "tissue"}


@pytest.mark.parametrize("info", [IMAGE, INFO], ids=["image", "slide"])
@pytest.mark.parametrize("name", ALL)
def test_images_and_slides_can_be_written_to_every_output(tmp_path: Path, name: str, info: ResultInfo) -> None:
    with_packages(name)
    paths = as_result([BATCH], info).save(tmp_path, name)
    assert list(paths) == [name]
    assert paths[name].exists()
    assert paths[name].name == f"case 1{outputs[name].suffix}"


def test_a_slide_has_labels_mask_and_overlay(tmp_path: Path) -> None:
    paths = as_result([BATCH], INFO).save(tmp_path, ["labels", "mask", "overlay"])
    assert np.array_equal(tifffile.imread(paths["labels"]), LABELS)
    assert np.array_equal(cv2.imread(str(paths["mask"]), cv2.IMREAD_UNCHANGED), 255 * (LABELS > 0))
    pink = np.full((*LABELS.shape, 3), PINK, np.uint8)
    assert np.array_equal(read_image(paths["overlay"]).pixels, draw_outlines(pink, LABELS))


def test_overlay_is_the_image_with_outlines(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*LABELS.shape, 3), np.uint8)
    result = Segmentation(IMAGE, MemoryStore([BATCH]), Source(None, ArrayReader(pixels)))
    path = result.save(tmp_path, ["overlay"])["overlay"]
    assert np.array_equal(read_image(path).pixels, draw_outlines(pixels, LABELS))


def test_an_image_has_what_a_slide_has(tmp_path: Path) -> None:
    for name in ("zarr", "anndata"):
        with_packages(name)
    names = ["geoparquet", "zarr", "anndata", "density", "overview", "tissue", "summary"]
    image, slide = (as_result([BATCH], info).save(tmp_path / info.kind, names) for info in (IMAGE, INFO))
    import anndata
    import zarr

    assert pq.read_table(image["geoparquet"]).equals(pq.read_table(slide["geoparquet"]))
    for paths in (image, slide):
        assert np.array_equal(zarr.open_group(paths["zarr"], mode="r")["0"][:], LABELS)
        assert anndata.read_h5ad(paths["anndata"]).shape[0] == len(BATCH)
    tissue = cv2.imread(str(image["tissue"]), cv2.IMREAD_UNCHANGED)
    assert tissue.shape == LABELS.shape
    assert (tissue == 255).all(), "all of an image counts"
    assert json.loads(image["summary"].read_text())["counted_mm2"] == pytest.approx(240 * 480 * MPP**2 / 1e6)
    assert cv2.imread(str(image["density"])).shape == cv2.imread(str(slide["density"])).shape


@pytest.mark.parametrize("name", ["labels", "mask"])
def test_a_large_label_image_is_written_tile_by_tile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(label_tiff, "WHOLE", 240 * 480 - 1)
    monkeypatch.setattr(label_tiff, "TILE", 64)
    result = as_result(cut(BATCH, 60), INFO)
    sides = []
    read_labels = result.read_labels
    monkeypatch.setattr(result, "read_labels", lambda *box: sides.append(max(box[2:])) or read_labels(*box))
    path = result.save(tmp_path, [name])[name]
    if name == "mask":
        assert np.array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), 255 * (LABELS > 0))
        return
    assert max(sides) == 64
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        assert (file.is_bigtiff, page.is_tiled, page.dtype) == (True, True, np.int32)
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        assert np.array_equal(page.asarray(), LABELS)
    whole = as_result([BATCH], replace(INFO, width=480))
    monkeypatch.setattr(label_tiff, "WHOLE", 240 * 480)
    other = whole.save(tmp_path / "whole", [name])[name]
    with tifffile.TiffFile(other) as file:
        assert not file.is_bigtiff
        assert np.array_equal(file.pages.first.asarray(), LABELS)
    assert read_image(path).mpp == read_image(other).mpp == pytest.approx(MPP)


def test_what_is_too_large_in_one_piece_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmentation, "MAX_PIXELS", 240 * 480 - 1)
    result = as_result([BATCH], INFO)
    for name in ("mask", "overlay"):
        with pytest.raises(NusegError, match=r"case 1\.svs: 480 x 240 px are too many .*read_labels"):
            result.save(tmp_path, [name])
    assert np.array_equal(result.read_labels(100, 50, 200, 100), LABELS[50:150, 100:300])
    assert np.array_equal(result.read_mask(100, 50, 200, 100), LABELS[50:150, 100:300] > 0)


@pytest.mark.usefixtures("few_rows")
def test_files_agree(tmp_path: Path) -> None:
    write(tmp_path, 50, names=("geoparquet", "geojson", "geojson-gz", "csv"))
    table = pq.read_table(tmp_path / "geoparquet" / "case.1.parquet").to_pandas()
    assert list(table["id"]) == list(BATCH.table["id"])
    assert pq.read_metadata(tmp_path / "geoparquet" / "case.1.parquet").metadata[b"model"] == b"m"
    text = (tmp_path / "geojson" / "case.1.geojson").read_text(encoding="utf-8")
    packed = (tmp_path / "geojson" / "case.1.geojson.gz").read_bytes()
    assert subprocess.run(["gzip", "-dc"], input=packed, capture_output=True, check=True).stdout.decode() == text
    shapes = shapely.from_geojson(text)
    assert shapely.equals(shapely.get_parts(shapes), shapely.from_wkb(table["geometry"])).all()
    ids = [detection["id"] for detection in json.loads(text)["features"]]
    assert len(set(ids)) == len(BATCH)
    read = pd.read_csv(tmp_path / "csv" / "case.1.csv")
    pd.testing.assert_frame_equal(read, BATCH.table, atol=6e-5, rtol=0)


def test_ids_are_stable_uuids_of_slide_and_nucleus(tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in ("a", "b", "c"))
    for folder, name in ((first, "case"), (second, "case"), (other, "other")):
        as_result([BATCH], INFO).save(folder, ["geojson"], name)

    def ids(path: Path) -> list[str]:
        return [detection["id"] for detection in json.loads(path.read_text(encoding="utf-8"))["features"]]

    assert ids(first / "geojson/case.geojson") == ids(second / "geojson/case.geojson")
    assert not set(ids(first / "geojson/case.geojson")) & set(ids(other / "geojson/other.geojson"))


def test_both_geojson_outputs_name_the_same_objects(tmp_path: Path) -> None:
    paths = as_result([BATCH], INFO).save(tmp_path, ["geojson", "geojson-gz"], "case.1")
    assert [path.name for path in paths.values()] == ["case.1.geojson", "case.1.geojson.gz"]


def test_summary_counts_over_the_tissue(tmp_path: Path) -> None:
    info = replace(
        INFO,
        seconds=2.5,
        notes=("pale",),
        damaged=[[0, 0, 64, 64]],
        tiles=7,
        origin=(3, 4),
        settings={"tissue": True},
        count_error=CountError(images=9, bias=0, mean_absolute=0.1, low=0.9, high=1.204),
    )
    result = as_result(cut(BATCH, 50), info)
    path = result.save(tmp_path, ["summary"], "a")["summary"]
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record == result.summary
    area = 240 * 480 * MPP**2 / 1e6
    assert list(record) == [
        "name", "kind", "width", "height", "mpp", "mpp_source", "model", "origin", "fingerprint", "file",
        "area_mm2", "counted_mm2", "tissue_mm2", "tissue_area", "density_area",
        "nuclei", "nuclei_low", "nuclei_high", "nuclei_per_mm2", "mask_fraction", "mean", "annotations",
        "count_error", "settings", "tiles", "damaged_tiles", "notes", "seconds", "versions",
    ]  # fmt: skip
    facts = {"name": "case 1", "kind": "slide", "width": 480, "height": 240, "mpp": MPP, "mpp_source": "aperio.MPP"}
    facts |= {"model": "m", "origin": [3, 4], "fingerprint": "abc", "file": "case 1.svs", "settings": {"tissue": True}}
    facts |= {"tiles": 7, "damaged_tiles": [[0, 0, 64, 64]], "notes": ["pale"], "seconds": 2.5}
    assert {key: record[key] for key in facts} == facts
    assert (record["nuclei"], record["nuclei_low"], record["nuclei_high"]) == (200, 180, 241)
    assert record["area_mm2"] == pytest.approx(area)
    assert record["counted_mm2"] == pytest.approx(area / 2)
    assert record["nuclei_per_mm2"] == pytest.approx(len(BATCH) / (area / 2))
    assert record["mean"]["area_um2"] == pytest.approx(BATCH.table["area_um2"].mean())
    assert record["mask_fraction"] == pytest.approx((LABELS > 0).sum() * MPP**2 / 1e6 / (area / 2))
    assert record["count_error"]["high"] == 1.204
    assert "nuseg" in record["versions"]


def test_densities_are_over_the_tissue_itself() -> None:
    result = as_result([BATCH], replace(INFO, tissue_mm2=0.25, least_density=0.061))
    record, area = result.summary, 240 * 480 * MPP**2 / 1e6
    assert (record["counted_mm2"], record["tissue_mm2"]) == (pytest.approx(area / 2), 0.25)
    assert record["density_area"] == "tissue"
    assert record["tissue_area"].endswith("an optical density of at least 0.061")
    assert record["nuclei_per_mm2"] == result.nuclei_per_mm2 == len(BATCH) / 0.25
    assert record["mask_fraction"] == pytest.approx((LABELS > 0).sum() * MPP**2 / 1e6 / 0.25)
    assert result.overview.density_mm2 == 0.25


def test_pictures(tmp_path: Path) -> None:
    write(tmp_path, names=("overview", "density", "tissue"))
    tissue = cv2.imread(str(tmp_path / "tissue" / "case.1.png"), cv2.IMREAD_UNCHANGED)
    assert tissue.shape == (240, 480)
    assert (tissue[:, :240] == 255).all()
    assert (tissue[:, 240:] == 0).all()
    density = cv2.imread(str(tmp_path / "density" / "case.1.png"))
    overview = cv2.imread(str(tmp_path / "overview" / "case.1.png"))
    assert density.shape == overview.shape
    assert density.shape[0] > 240
    left = (density.shape[1] - 480) // 2  # the picture is 480 px wide and centred
    assert (density[:240, left + 240 :] == 255).all()
    assert (density[:240, left : left + 240] != 255).any(axis=2).all()
    assert overview[120, left + 360].tolist() == [*reversed(PINK)]
    assert overview[120, left + 120].tolist() != [*reversed(PINK)]


def test_no_nuclei_and_no_tissue(tmp_path: Path) -> None:
    glass = slide_info(240, 480)
    assert glass.counted is not None
    glass.counted[:] = False
    result = as_result([], glass)
    paths = result.save(tmp_path)
    record = json.loads(paths["summary"].read_text(encoding="utf-8"))
    found = [record[key] for key in ("nuclei", "counted_mm2", "nuclei_per_mm2", "mask_fraction", "mean")]
    assert found == [0, 0, None, None, {}]
    assert tuple(paths) == SLIDE_DEFAULTS
    assert all(path.is_file() for path in paths.values())
    assert len(result) == 0


def test_geodataframe() -> None:
    pytest.importorskip("geopandas", reason="needs nuseg[geo]")
    frame = as_result(cut(BATCH, 60), INFO).to_geodataframe()
    pd.testing.assert_frame_equal(pd.DataFrame(frame.drop(columns="geometry")), BATCH.table)
    assert frame.crs is None
    assert frame.geometry.is_valid.all()
    # The outline runs through the middles of the sides of border pixels; it holds the nucleus' area but its corners.
    shoelace = [
        abs(np.dot(p[:, 0], np.roll(p[:, 1], -1)) - np.dot(p[:, 1], np.roll(p[:, 0], -1))) / 2 for p in BATCH.polygons
    ]
    assert frame.area.to_numpy() == pytest.approx(shoelace)
    assert frame.centroid.x.to_numpy() == pytest.approx(BATCH.table["x_px"].to_numpy(), abs=0.5)
    assert frame.centroid.y.to_numpy() == pytest.approx(BATCH.table["y_px"].to_numpy(), abs=0.5)
    assert len(as_result([], INFO).to_geodataframe()) == 0


def test_geodataframe_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nuseg.results.output.find_spec", lambda name: None)
    with pytest.raises(NusegError, match=r"^to_geodataframe needs the package geopandas: pip install 'nuseg\[geo\]'$"):
        as_result([BATCH], INFO).to_geodataframe()


@contextmanager
def full_disk(free: int) -> Iterator[None]:
    """Let no file grow beyond `free` bytes."""
    resource = pytest.importorskip("resource", reason="this system cannot limit the size of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", [name for name in ALL if name != "tissue"])  # which takes no 300 bytes
def test_a_full_disk_leaves_no_file(tmp_path: Path, name: str) -> None:
    with_packages(name)
    with full_disk(300), pytest.raises(NusegError, match=r"cannot be written .* check .* free disk space"):
        write(tmp_path, names=(name,))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@dataclass(frozen=True)
class Growing:
    """A file whose batches the system refuses to take, or not."""

    refused: bool

    @contextmanager
    def open(self, path: Path, _result: Segmentation) -> Iterator[Add]:
        with atomic_path(path) as temporary:
            temporary.write_text("begun")

            def add(_batch: NucleiBatch) -> None:
                if self.refused:
                    raise OSError(errno.ENOSPC, "No space left on device")

            yield add


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("refused", ["first", "second"])
def test_a_full_disk_is_told_of_the_file_that_it_has_no_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, early: bool, refused: str
) -> None:
    """Whichever was opened last."""
    for name in ("first", "second"):
        made = Output(name, ".txt", "grows", Growing(name == refused).open, beside=True)
        monkeypatch.setitem(outputs._items, name, made)  # type: ignore[attr-defined]
    result, names = as_result([BATCH], INFO), ["first", "second"]

    def write_early() -> None:
        with EarlyFiles(EarlyOutputs(tmp_path, names, "a"), result) as files:
            files.add(BATCH)

    with pytest.raises(NusegError, match=rf"{refused}[\\/]a\.txt: cannot be written \(No space left on device\)"):
        write_early() if early else result.save(tmp_path, names, "a")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", SLIDE_DEFAULTS)
def test_a_file_in_the_way(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(NusegError, match="is a file"):
        write(tmp_path, names=(name,))
    assert (tmp_path / name).read_text() == "mine"


def test_failing_nuclei_leave_no_file(tmp_path: Path) -> None:
    def batches() -> Iterator[NucleiBatch]:
        yield BATCH
        raise NusegError("damaged")

    with pytest.raises(NusegError, match="damaged"):
        as_result(LazyStore(batches), INFO).save(tmp_path, SLIDE_DEFAULTS)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


MEMORY = """
import sys
import numpy as np
from processes import peak_kib
from slide_results import as_batch, as_result, label_field, slide_info
from nuseg.results.batch import NucleiBatch

batch = as_batch(label_field(240, 240, 12))  # 400 small nuclei

class Store:
    def __init__(self, count):
        self.count = count

    def batches(self, box=None):
        for k in range(self.count):
            at = 240.0 * np.array([k % 30, k // 30])
            table = batch.table.assign(id=batch.table["id"] + 400 * k, x_px=batch.table["x_px"] + at[0])
            yield NucleiBatch(table.assign(y_px=batch.table["y_px"] + at[1]), [ring + at for ring in batch.polygons])

    def close(self):
        pass

outputs = ["geoparquet", "csv", "overview", "density", "tissue", "summary", *sys.argv[2:]]
as_result(Store(50), slide_info(7200, 7200)).save(sys.argv[1], outputs, "a")  # more than are held at once
before = peak_kib() // 1024
result = as_result(Store(400), slide_info(7200, 7200))
result.save(sys.argv[1], outputs, "b")
print(len(result), peak_kib() // 1024 - before)
"""


def test_memory_does_not_grow_with_the_nuclei(tmp_path: Path) -> None:
    """160,000 nuclei need no more than 20,000 did, within what the allocator takes.

    What Python, NumPy and Arrow hold grows by 4 MB. With a heap for each thread glibc keeps tens of MB that are free,
    more or less by chance, so here all threads have one heap; what is left of chance does not come three times.
    """
    tests = Path(__file__).parents[1]
    path = os.pathsep.join([str(tests), str(tests.parent / "src")])
    environment = {**os.environ, "PYTHONPATH": path, "MALLOC_ARENA_MAX": "1"}
    command = [sys.executable, "-c", MEMORY, str(tmp_path), "geojson"]
    for _ in range(3):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        nuclei, growth = map(int, done.stdout.split())
        assert nuclei == 160_000
        if growth < 32:
            break
    assert growth < 32  # MB; the table and the outlines alone are 70
