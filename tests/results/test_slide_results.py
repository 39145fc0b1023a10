"""All results of a slide in one pass."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely

from nuseg.errors import NusegError
from nuseg.results import slide
from nuseg.results.batch import NucleiBatch
from nuseg.results.slide import DEFAULT_SLIDE_OUTPUTS, PLACES, SlideOutput, slide_output_path, write_slide_results
from nuseg.results.summary import slide_row
from slide_results import MPP, as_batch, cut, label_field, slide_info

LABELS = label_field(240, 480)
BATCH = as_batch(LABELS)
INFO = slide_info(*LABELS.shape)
SUMMARY = {"model": "m", "fingerprint": "abc"}
ALL: tuple[SlideOutput, ...] = tuple(PLACES)


def write(folder: Path, *sizes: int, outputs: tuple[SlideOutput, ...] = ALL) -> dict[str, bytes]:
    """Write results of the nuclei cut so; every file by its place."""
    write_slide_results(folder, "case.1", cut(BATCH, *sizes), INFO, SUMMARY, outputs)
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(files)}


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slide, "ROWS", 64)


@pytest.mark.usefixtures("few_rows")
def test_files_do_not_depend_on_how_the_nuclei_came(tmp_path: Path) -> None:
    pytest.importorskip("zarr", reason="needs nuseg[zarr]")
    pytest.importorskip("h5py", reason="needs nuseg[anndata]")
    files = write(tmp_path / "a")
    assert write(tmp_path / "b", 1, 100, 0, 30) == files
    assert {"/".join(path.split("/")[:1]) for path in files} == {kind for kind, _ in PLACES.values()}


@pytest.mark.usefixtures("few_rows")
def test_files_agree(tmp_path: Path) -> None:
    write(tmp_path, 50, outputs=("geoparquet", "geojson", "geojson-gz", "csv"))
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
    pd.testing.assert_frame_equal(read, BATCH.table, atol=6e-5)


def test_ids_are_stable_uuids_of_slide_and_nucleus(tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in ("a", "b", "c"))
    for folder, name in ((first, "case"), (second, "case"), (other, "other")):
        write_slide_results(folder, name, [BATCH], INFO, {}, ["geojson"])

    def ids(path: Path) -> list[str]:
        return [detection["id"] for detection in json.loads(path.read_text(encoding="utf-8"))["features"]]

    assert ids(first / "geojson/case.geojson") == ids(second / "geojson/case.geojson")
    assert not set(ids(first / "geojson/case.geojson")) & set(ids(other / "geojson/other.geojson"))


def test_summary_counts_over_the_tissue(tmp_path: Path) -> None:
    notes: dict[str, object] = {**SUMMARY}

    def batches() -> Iterator[NucleiBatch]:
        yield BATCH
        notes.update(seconds=2.5, warnings=["pale"], damaged_tiles=[[0, 0, 64, 64]])

    record = write_slide_results(tmp_path, "a", batches(), INFO, notes, ["summary"])
    assert json.loads((tmp_path / "summary" / "a.json").read_text(encoding="utf-8")) == record
    tissue = 240 * 480 * MPP**2 / 1e6 / 2
    assert record["nuclei"] == len(BATCH)
    assert record["tissue_mm2"] == pytest.approx(tissue)
    assert record["nuclei_per_mm2"] == pytest.approx(len(BATCH) / tissue)
    assert record["mean"]["area_um2"] == pytest.approx(BATCH.table["area_um2"].mean())
    assert record["mask_fraction"] == pytest.approx((LABELS > 0).sum() * MPP**2 / 1e6 / tissue)
    assert record["damaged_tiles"] == [[0, 0, 64, 64]]
    assert "nuseg" in record["versions"]
    row = slide_row("a", "/x/a.svs", record, "0123")
    assert (row.nuclei, row.area_mm2, row.damaged_tiles, row.warning, row.seconds) == (
        len(BATCH),
        pytest.approx(tissue),
        1,
        "pale",
        2.5,
    )


def test_pictures(tmp_path: Path) -> None:
    write(tmp_path, outputs=("overview", "density", "tissue"))
    tissue = cv2.imread(str(tmp_path / "tissue" / "case.1.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(tissue, 255 * INFO.tissue)
    density = cv2.imread(str(tmp_path / "density" / "case.1.png"))
    overview = cv2.imread(str(tmp_path / "overview" / "case.1.png"))
    assert density.shape == overview.shape
    assert density.shape[0] > 30
    left = (density.shape[1] - 60) // 2  # the thumbnail is 60 px wide and centred
    assert (density[:30, left + 30 :] == 255).all()
    assert (density[:30, left : left + 30] != 255).any(axis=2).all()
    assert (overview[15, left + 45] == (200, 170, 225)).all()
    assert (overview[15, left + 15] != (200, 170, 225)).any()


def test_no_nuclei_and_no_tissue(tmp_path: Path) -> None:
    glass = slide_info(240, 480)
    glass.tissue[:] = False
    record = write_slide_results(tmp_path, "a", [], glass, SUMMARY, DEFAULT_SLIDE_OUTPUTS)
    assert (record["nuclei"], record["tissue_mm2"], record["nuclei_per_mm2"], record["mean"]) == (0, 0, None, {})
    assert all(slide_output_path(tmp_path, output, "a").is_file() for output in DEFAULT_SLIDE_OUTPUTS)
    assert slide_row("a", "/x/a.svs", record, "").nuclei == 0


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


@pytest.mark.parametrize("output", [output for output in PLACES if output not in ("tissue", "summary")])
def test_a_full_disk_leaves_no_file(tmp_path: Path, output: SlideOutput) -> None:
    if output in slide.NEEDED_PACKAGES:
        pytest.importorskip(slide.NEEDED_PACKAGES[output], reason=f"needs nuseg[{output}]")
    with full_disk(300), pytest.raises(NusegError, match=r"cannot be written .* check .* free disk space"):
        write(tmp_path, outputs=(output,))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("output", DEFAULT_SLIDE_OUTPUTS)
def test_a_file_in_the_way(tmp_path: Path, output: SlideOutput) -> None:
    (tmp_path / output).write_text("mine")
    with pytest.raises(NusegError, match="is a file"):
        write(tmp_path, outputs=(output,))
    assert (tmp_path / output).read_text() == "mine"


def test_failing_nuclei_leave_no_file(tmp_path: Path) -> None:
    def batches() -> Iterator[NucleiBatch]:
        yield BATCH
        raise NusegError("damaged")

    with pytest.raises(NusegError, match="damaged"):
        write_slide_results(tmp_path, "a", batches(), INFO, SUMMARY, DEFAULT_SLIDE_OUTPUTS)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


MEMORY = """
import sys
from pathlib import Path
import numpy as np
from processes import peak_kib
from slide_results import as_batch, label_field, slide_info
from nuseg.results.batch import NucleiBatch
from nuseg.results.slide import write_slide_results

batch = as_batch(label_field(240, 240, 12))  # 400 small nuclei

def batches(count):
    for k in range(count):
        at = 240.0 * np.array([k % 30, k // 30])
        table = batch.table.assign(id=batch.table["id"] + 400 * k, x_px=batch.table["x_px"] + at[0])
        yield NucleiBatch(table.assign(y_px=batch.table["y_px"] + at[1]), [ring + at for ring in batch.polygons])

def peak():
    return peak_kib() // 1024

info = slide_info(7200, 7200)
outputs = ["geoparquet", "overview", "density", "tissue", "summary", *sys.argv[2:]]
write_slide_results(Path(sys.argv[1]), "a", batches(50), info, {}, outputs)
before = peak()
record = write_slide_results(Path(sys.argv[1]), "b", batches(750), info, {}, outputs)
print(record["nuclei"], peak() - before)
"""


def test_memory_does_not_grow_with_the_nuclei(tmp_path: Path) -> None:
    """300,000 nuclei need no more than 20,000 did, within what the allocator takes."""
    tests = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent / "src")])}
    command = [sys.executable, "-c", MEMORY, str(tmp_path), "geojson"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    nuclei, growth = map(int, done.stdout.split())
    assert nuclei == 300_000
    assert growth < 60  # MB; the table and the outlines alone are 130
