"""Sources tile by tile: the nuclei of the untiled one, bit by bit, whatever the tiles, the threads, the accidents."""

import gc
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dark_model import CONFIG as DARK_CONFIG
from dark_model import dark_network
from nuseg.engines.maps import FULL_MAP, quantise
from nuseg.errors import NusegError
from nuseg.io.source import Source
from nuseg.measure.nuclei import measure_nuclei
from nuseg.measure.outline import outlines
from nuseg.model.config import Architecture, ModelConfig, Thresholds
from nuseg.model.store import Model
from nuseg.progress import Progress
from nuseg.results.segmentation import Segmentation
from nuseg.segmentation import part_store, pipeline, postprocess
from nuseg.segmentation.pipeline import nuclei_of_maps
from nuseg.segmentation.plan import SegmentOptions, plan_source
from nuseg.segmentation.postprocess import raw_probability_of
from nuseg.segmentation.region import read_region
from nuseg.segmentation.resample import resample
from nuseg.segmentation.segmenter import Segmenter
from nuseg.segmentation.tiling import predict_maps
from processes import kill_tree
from slide_files import array_slide, save_pyramid
from untiled import separate

MARGIN = 5
CONFIG = ModelConfig(
    name="moved",
    architecture=Architecture(),
    mpp=0.5,
    margin=MARGIN,
    stride=4,
    thresholds=Thresholds(
        mask=0.5, distance_share=0.2, marker=0.6, smoothing=1.0, min_area_um2=1.0, min_raw_probability=0.3
    ),
)
HERE = Path(__file__).resolve()


def moved(batch: np.ndarray) -> np.ndarray:
    """A network that looks `MARGIN` px down and to the left: the first two channels there are the maps."""
    maps = np.zeros((len(batch), 2, *batch.shape[1:3]), np.float32)
    maps[:, :, :-MARGIN, MARGIN:] = batch[:, MARGIN:, :-MARGIN, :2].transpose(0, 3, 1, 2) / np.float32(255)
    return maps


def blobs(seed: int, shape: tuple[int, int], cover: float = 0.25) -> np.ndarray:
    """Pixels that `moved` turns into blobs of all sizes: from single nuclei to components across the whole slide."""
    rng = np.random.default_rng(seed)
    fields = cv2.GaussianBlur(rng.normal(size=(*shape, 3)), (0, 0), rng.uniform(1.5, 4)).reshape(*shape, 3)
    low, high = np.quantile(fields, [0.01, 0.99])
    values = (fields - low) / max(high - low, 1e-9)
    values[..., 0] += 0.5 - np.quantile(values[..., 0], 1 - cover)
    return (np.clip(values, 0, 1) * 255).astype(np.uint8)


def untiled(pixels: np.ndarray) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """What the untiled reference finds, in the order of pages."""
    maps = moved(pixels[None])[0]
    labels = separate(maps, CONFIG.thresholds, CONFIG.mpp)
    polygons = outlines(labels)
    raw_probability = raw_probability_of(quantise(maps)) / np.float32(FULL_MAP)
    table = measure_nuclei(labels, pixels, raw_probability, CONFIG.mpp, polygons)
    places = np.unique(labels, return_index=True)[1][-len(polygons) :] if polygons else np.zeros(0, int)
    y, x = np.divmod(places, labels.shape[1])
    order = np.lexsort((x, y, x // part_store.PAGE, y // part_store.PAGE))
    table = table.iloc[order].reset_index(drop=True)
    table["id"] = np.arange(1, len(table) + 1)
    return table.astype({"area_px": float}), [polygons[number] for number in order]


def tiled(pixels: np.ndarray, tile: int, threads: int, checkpoint: Path | None = None) -> Segmentation:
    """What is found tile by tile."""
    segmenter = Segmenter(Model(CONFIG, Path("nowhere")), moved, threads)
    options = SegmentOptions(tissue=False, tile=tile)
    return segmenter(array_slide(pixels, mpp=0.5), options=options, checkpoint=checkpoint)


def check_equal(found: Segmentation, expected: tuple[pd.DataFrame, list[np.ndarray]]) -> None:
    table, polygons = expected
    assert len(found) == len(found.polygons) == len(polygons)
    pd.testing.assert_frame_equal(found.nuclei, table, check_exact=True, check_dtype=False)
    assert all(map(np.array_equal, found.polygons, polygons))


def check_tiled_equals_untiled(
    folder: Path | None, seed: int, shape: tuple[int, int], tile: int, threads: int, cover: float, giant: int, page: int
) -> None:
    pixels = blobs(seed, shape, cover)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postprocess, "LARGEST_COMPONENT", giant)
        patch.setattr(part_store, "PAGE", page)
        with tiled(pixels, tile, threads, folder) as found:
            check_equal(found, untiled(pixels))


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 100_000),
    shape=st.tuples(st.integers(1, 150), st.integers(1, 150)),
    parts=st.integers(1, 5),
    threads=st.sampled_from([1, 2, 4, 6]),
    cover=st.sampled_from([0.1, 0.3, 0.5, 0.8]),
    giant=st.sampled_from([40, 60, 4096]),
    page=st.sampled_from([16, 50, 2048]),
    on_disk=st.booleans(),
)
def test_tiled_equals_untiled_bit_by_bit(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int, shape: tuple[int, int], parts: int, threads: int, cover: float, giant: int, page: int, on_disk: bool,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("out") if on_disk else None
    check_tiled_equals_untiled(folder, seed, shape, max(shape) // parts + 1, threads, cover, giant, page)


@pytest.mark.parametrize("tile", [37, 64, 160])
@pytest.mark.parametrize("cover", [0.35, 0.6])
def test_components_larger_than_memory_is_for(tmp_path: Path, tile: int, cover: float) -> None:
    check_tiled_equals_untiled(tmp_path, 7, (160, 130), tile, 4, cover, 40, 64)


def test_there_is_something_to_compare() -> None:
    """The blobs of the test above are many, and some are of several nuclei."""
    table, _ = untiled(blobs(1, (150, 150), 0.3))
    assert len(table) > 20


@pytest.mark.parametrize("giant", [40, 4096])
def test_nuclei_of_maps_at_hand_are_those_of_the_source(monkeypatch: pytest.MonkeyPatch, giant: int) -> None:
    """Tuning and calibration keep maps; what they find there is what `segment` finds."""
    monkeypatch.setattr(postprocess, "LARGEST_COMPONENT", giant)
    pixels = blobs(3, (140, 170), 0.5)
    source = array_slide(pixels, mpp=0.5)
    maps = quantise(predict_maps(moved, resample(source, 0.5, 0.5), CONFIG))
    assert np.array_equal(maps, quantise(moved(pixels[None])[0]))
    found = nuclei_of_maps(source, CONFIG, maps, 0.5)
    table, polygons = untiled(pixels)
    pd.testing.assert_frame_equal(found.table, table, check_exact=True)
    assert all(map(np.array_equal, found.polygons, polygons))


DARK = Segmenter(Model(DARK_CONFIG, Path("nowhere")), dark_network)


def dots(height: int, width: int, step: int = 20, side: int = 8) -> np.ndarray:
    """White with dark squares; every one is a nucleus for `dark_network`."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    y, x = np.mgrid[:height, :width]
    pixels[(y % step < side) & (x % step < side)] = 0
    return pixels


def run(
    source: Source | Path,
    folder: Path,
    options: SegmentOptions,
    outputs: list[str] | None = None,
    segmenter: Segmenter = DARK,
    progress: Any = None,
) -> dict[str, Any]:
    """Segment a slide as `segment_folder` does, with a checkpoint beside its results; gives the summary."""
    with segmenter(source, options=options, checkpoint=folder / "slide.partial", progress=progress) as result:
        result.save(folder, outputs)
        return result.summary


def nuclei_of(folder: Path, name: str = "slide") -> pd.DataFrame:
    return pd.read_csv(folder / "csv" / f"{name}.csv")


def test_counts_places_and_measures(tmp_path: Path) -> None:
    slide = array_slide(dots(200, 300), bounds=(20, 40, 200, 100))
    record = run(slide, tmp_path, SegmentOptions(tile=64, tissue=False), ["csv", "summary"])
    table = nuclei_of(tmp_path)
    assert record["nuclei"] == len(table) == 50
    assert record["origin"] == [20, 40]
    assert set(table["area_px"]) == {64}
    assert table["id"].tolist() == list(range(1, 51))
    assert table.loc[0, ["x_px", "y_px", "x_um", "y_um"]].tolist() == [4, 4, 1, 1]
    assert table.loc[11, ["x_px", "y_px"]].tolist() == [24, 24]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["csv", "summary"]


@pytest.mark.parametrize("mpp", [0.125, 0.5, 0.2])
def test_places_at_other_resolutions(tmp_path: Path, mpp: float) -> None:
    factor = 0.25 / mpp
    size = round(300 * factor), round(200 * factor)
    pixels = cv2.resize(dots(200, 300), size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST)
    run(array_slide(pixels, mpp=mpp), tmp_path, SegmentOptions(tile=96, tissue=False), ["csv"])
    table = nuclei_of(tmp_path)
    assert len(table) == 150
    assert table["x_um"].to_numpy() / 0.25 % 20 == pytest.approx(np.full(150, 4), abs=0.3)
    assert table["area_um2"].to_numpy() == pytest.approx(np.full(150, 4), rel=0.25)
    assert table["area_px"].to_numpy() == pytest.approx(table["area_um2"].to_numpy() / mpp**2, rel=1e-3)


def test_region_counts_by_centroid(tmp_path: Path) -> None:
    for number, tile in enumerate((40, 500)):
        options = SegmentOptions(tile=tile, tissue=False, region=read_region("22,0,80,63"))
        run(array_slide(dots(200, 300)), tmp_path / str(number), options, ["csv"])
    table = nuclei_of(tmp_path / "0")
    assert sorted(zip(table["x_px"], table["y_px"], strict=True)) == [
        (x, y) for x in (24, 44, 64, 84) for y in (4, 24, 44)
    ]
    assert set(table["area_px"]) == {64}, "the nucleus across the region's border was cut"
    assert table.equals(nuclei_of(tmp_path / "1"))


def test_only_tissue_is_read(tmp_path: Path) -> None:
    pixels = np.full((800, 1600, 3), 245, np.uint8)
    pixels[:, :800] = (220, 150, 200)
    pixels[dots(800, 1600)[..., 0] == 0] = (60, 30, 90)  # on glass, too
    pixels[:, 900:][pixels[:, 900:, 0] == 60] = 245
    seen: list[Progress] = []
    for folder, tile in (("a", 200), ("b", 330)):
        options = SegmentOptions(tile=tile, tissue=True)
        record = run(array_slide(pixels), tmp_path / folder, options, ["csv"], progress=seen.append)
        assert 40 * 40 - 60 < record["nuclei"] < 40 * 45
    assert seen[0].total < 4 * 8
    assert nuclei_of(tmp_path / "a").equals(nuclei_of(tmp_path / "b"))


def test_damage_is_blank_and_told(tmp_path: Path) -> None:
    for folder, tile in (("a", 100), ("b", 400)):
        slide = array_slide(dots(700, 700), damaged=(600, 600, 601, 601))
        record = run(slide, tmp_path / folder, SegmentOptions(tile=tile, tissue=False), ["csv"])
        assert record["damaged_tiles"] == [[512, 512, 188, 188]]
        assert "1 damaged part(s) of the file taken as blank, the first at x 512, y 512" in record["notes"][0]
        assert record["nuclei"] == 35**2 - 9**2
    assert nuclei_of(tmp_path / "a").equals(nuclei_of(tmp_path / "b"))


def test_a_damaged_image_is_an_error() -> None:
    """Of a slide the rest is of use; an image that cannot be read is no result."""
    image = array_slide(dots(700, 700), damaged=(600, 600, 601, 601), kind="image")
    with pytest.raises(NusegError, match="damaged at x 512, y 512"):
        DARK(image, options=SegmentOptions(tissue=False))


@pytest.mark.parametrize(("side", "wanted"), [(3999, False), (4001, True)])
@pytest.mark.parametrize("kind", ["image", "slide"])
def test_tissue_is_looked_for_in_more_than_a_square_millimetre(side: int, wanted: bool, kind: str) -> None:
    """4000 px of 0.25 um are 1 mm, whatever the kind of file."""
    blank = np.broadcast_to(np.uint8(240), (side, side, 3))
    plan = plan_source(array_slide(blank, kind=kind), DARK_CONFIG, SegmentOptions())
    assert (plan.rules.roi is not None) is wanted
    assert (plan.tiles == []) is wanted


def test_no_nuclei_no_tissue(tmp_path: Path) -> None:
    blank = np.full((300, 300, 3), 250, np.uint8)
    for tissue in (True, False):
        record = run(array_slide(blank), tmp_path, SegmentOptions(tissue=tissue))
        assert record["nuclei"] == 0


def finished(folder: Path) -> dict[str, bytes]:
    """The bytes of what was written of the nuclei."""
    return {path.name: path.read_bytes() for path in folder.glob("geo*/*")}


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    path = save_pyramid(tmp_path / "slide.tif", dots(520, 520), (1, 4), compression=None)
    words = [sys.executable, str(HERE.parent / "slide_run.py"), "kill"]
    paths = [str(HERE.parents[2] / "src"), str(HERE.parents[1])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*words, str(tmp_path / "out"), str(path)], env=environment)
    partial = tmp_path / "out" / "slide.partial"
    deadline = time.monotonic() + 60
    while len(list(partial.glob("tile-*"))) < 20 and time.monotonic() < deadline:
        time.sleep(0.02)
    kill_tree(process)
    kept = {part.name: part.stat().st_mtime_ns for part in partial.glob("tile-*")}
    assert 20 <= len(kept) < 64
    states: list[Progress] = []
    options = SegmentOptions(tile=64, tissue=False)
    outputs = ["geoparquet", "geojson"]
    run(path, tmp_path / "out", options, outputs, progress=states.append)
    assert len(states) == 64 - len(kept), "tiles that were done were done again"
    assert not partial.exists()
    run(path, tmp_path / "whole", options, outputs)
    assert finished(tmp_path / "out") == finished(tmp_path / "whole")
    assert finished(tmp_path / "out")


@pytest.mark.parametrize("change", ["slide", "threshold", "mpp", "tile"])
def test_what_was_done_with_other_settings_is_not_taken(tmp_path: Path, change: str) -> None:
    def broken(batch: np.ndarray) -> np.ndarray:
        calls.append(1)
        if len(calls) > 2:
            raise NusegError("stop")
        return dark_network(batch)

    path = save_pyramid(tmp_path / "slide.tif", dots(300, 300), (1,))
    calls: list[int] = []
    options = SegmentOptions(tile=100, tissue=False)
    with pytest.raises(NusegError, match="stop"):
        run(path, tmp_path / "out", options, ["csv"], Segmenter(DARK.model, broken))
    model = DARK.model
    match change:
        case "slide":
            os.utime(path, (1, 1))
        case "threshold":
            thresholds = DARK_CONFIG.thresholds.model_copy(update={"mask": 0.4})
            model = Model(DARK_CONFIG.model_copy(update={"thresholds": thresholds}), model.path)
        case "mpp":
            options = SegmentOptions(tile=100, tissue=False, mpp=0.26)
        case "tile":
            options = SegmentOptions(tile=101, tissue=False)
    states: list[Progress] = []
    run(path, tmp_path / "out", options, ["csv"], Segmenter(model, dark_network), progress=states.append)
    assert states[-1].done == states[-1].total == len(states)


def test_memory_does_not_grow_with_the_tissue(tmp_path: Path) -> None:
    """A slide of 100,000 x 100,000 px; four times the nuclei in the same memory."""
    paths = [str(HERE.parents[2] / "src"), str(HERE.parents[1])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    found = []
    for patches in (1, 4):
        words = [sys.executable, str(HERE.parent / "slide_run.py"), "memory", str(tmp_path / str(patches))]
        done = subprocess.run([*words, str(patches)], env=environment, capture_output=True, text=True, check=True)
        found.append([int(word) for word in done.stdout.split()])
    (few, small), (many, large) = found
    assert many > 3.9 * few > 8000
    assert large < small * 1.3 + 30_000, f"{small} KiB for {few} nuclei, {large} KiB for {many}"


def test_real_slide(real_data: Path, tmp_path: Path) -> None:
    """An Aperio slide at 0.5 um/px, so that it is interpolated; tiles of two sizes."""
    path = real_data / "slides" / "CMU-1-Small-Region.svs"
    region = read_region("900,1200,300,260")
    for folder, tile in (("a", 208), ("b", 640)):
        options = SegmentOptions(tile=tile, region=region)
        record = run(path, tmp_path / folder, options, ["geoparquet", "geojson"])
        assert record["nuclei"] > 50
        assert record["damaged_tiles"] == []
    assert finished(tmp_path / "a") == finished(tmp_path / "b")
    assert len(finished(tmp_path / "a")) == 2


def test_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(NusegError, match=r"tile-0000000\.npz: cannot be written \(No space left on device\)"):
        run(array_slide(dots(100, 100)), tmp_path, SegmentOptions(tissue=False), ["csv"])


def stopping(after: int) -> Segmenter:
    """The dark network, which fails after some tiles."""
    calls: list[int] = []

    def network(batch: np.ndarray) -> np.ndarray:
        calls.append(1)
        if len(calls) > after:
            raise NusegError("stop")
        return dark_network(batch)

    return Segmenter(DARK.model, network)


def test_the_checkpoint_stays_until_the_result_is_closed(tmp_path: Path) -> None:
    kept, options = tmp_path / "kept", SegmentOptions(tile=100, tissue=False)
    result = DARK(array_slide(dots(200, 200)), options=options, checkpoint=kept)
    assert len(list(kept.glob("tile-*.npz"))) == 4
    assert len(result) == 100
    result.close()
    assert not kept.exists()


def test_a_checkpoint_of_other_pixels_in_memory_is_not_taken(tmp_path: Path) -> None:
    """Arrays have no name and no time of change; what they hold tells them apart."""
    options, kept = SegmentOptions(tissue=False), tmp_path / "kept"
    first, second = dots(200, 200), np.flip(dots(200, 200), axis=0).copy()
    begun = DARK(first, 0.25, options=options, checkpoint=kept)
    same = DARK(first.copy(), 0.25, options=options, checkpoint=kept)
    assert same.info.fingerprint == begun.info.fingerprint
    pd.testing.assert_frame_equal(same.nuclei, begun.nuclei, check_exact=True)
    other = DARK(second, 0.25, options=options, checkpoint=kept)
    assert other.info.fingerprint != begun.info.fingerprint
    pd.testing.assert_frame_equal(other.nuclei, DARK(second, 0.25, options=options).nuclei, check_exact=True)
    assert other.nuclei["y_px"].tolist() != begun.nuclei["y_px"].tolist()


@pytest.mark.parametrize("error", [NusegError("full disk"), KeyboardInterrupt()])
def test_an_error_while_results_are_written_keeps_the_checkpoint(tmp_path: Path, error: BaseException) -> None:
    kept, options = tmp_path / "kept", SegmentOptions(tile=100, tissue=False)
    with pytest.raises(type(error)), DARK(array_slide(dots(200, 200)), options=options, checkpoint=kept):
        raise error
    states: list[Progress] = []
    with DARK(array_slide(dots(200, 200)), options=options, checkpoint=kept, progress=states.append) as result:
        assert len(result) == 100
    assert states == [], "tiles that were done were done again"
    assert not kept.exists()


def test_a_temporary_checkpoint_goes_with_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(pipeline, "MIN_SLIDE_PIXELS", 100)
    options = SegmentOptions(tile=100, tissue=False)
    dropped = DARK(array_slide(dots(200, 200)), options=options)
    closed = DARK(array_slide(dots(200, 200)), options=options)
    assert len(list(tmp_path.iterdir())) == 2
    assert len(dropped) == len(closed) == 100
    closed.close()
    assert len(list(tmp_path.iterdir())) == 1
    del dropped
    gc.collect()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(NusegError, match="stop"):
        stopping(2)(array_slide(dots(200, 200)), options=options)
    gc.collect()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mpp", [0.2, 0.25, 0.5])
@pytest.mark.parametrize("on_disk", [False, True])
def test_labels_of_windows_are_parts_of_the_whole(tmp_path: Path, mpp: float, on_disk: bool) -> None:
    pixels = blobs(5, (190, 230), 0.4)
    segmenter = Segmenter(Model(CONFIG, Path("nowhere")), moved)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part_store, "PAGE", 64)
        options = SegmentOptions(tissue=False, tile=60)
        with segmenter(
            array_slide(pixels, mpp=mpp), options=options, checkpoint=tmp_path if on_disk else None
        ) as found:
            whole = found.labels
            assert len(found) > 5
            assert whole.shape == pixels.shape[:2]
            assert set(np.unique(whole)) <= {0, *found.nuclei["id"]}
            for y, x, height, width in ((0, 0, 190, 230), (0, 0, 1, 1), (60, 61, 70, 9), (120, 0, 70, 230)):
                window = np.s_[y : y + height, x : x + width]
                assert np.array_equal(found.read_labels(x, y, width, height), whole[window])
                assert np.array_equal(found.read_mask(x, y, width, height), whole[window] > 0)
                assert np.array_equal(found.read_pixels(x, y, width, height), pixels[window])
            assert not found.read_labels(230, 0, 5, 5).any()


@pytest.mark.parametrize("threads", [1, 2, 3, None])
def test_threads_are_honoured_and_given_back(threads: int | None) -> None:
    seen: list[int] = []

    def network(batch: np.ndarray) -> np.ndarray:
        seen.append(cv2.getNumThreads())
        return dark_network(batch)

    before = cv2.getNumThreads()
    options = SegmentOptions(tile=100, tissue=False)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cv2.setNumThreads(5)
    try:
        Segmenter(DARK.model, network, threads)(array_slide(dots(200, 200)), options=options)
        assert seen == [threads or cores] * 4
        assert cv2.getNumThreads() == 5
        with pytest.raises(NusegError, match="stop"):
            Segmenter(DARK.model, stopping(1).engine, threads)(array_slide(dots(200, 200)), options=options)
        assert cv2.getNumThreads() == 5
    finally:
        cv2.setNumThreads(before)


def test_progress_counts_tiles_and_nuclei() -> None:
    states: list[Progress] = []
    options = SegmentOptions(tile=80, tissue=False)
    pixels = np.full((268, 268, 3), 255, np.uint8)
    pixels[9:, 9:] = dots(259, 259)  # squares of 8 px every 20 px: none touches a border of the tiles, at 100 and 168
    DARK(array_slide(pixels), options=options, progress=states.append)
    assert [state.done for state in states] == list(range(1, 10))
    assert {state.total for state in states} == {9}
    along = [5, 3, 5]  # squares
    assert [state.nuclei for state in states] == np.cumsum(np.outer(along, along)).tolist()
