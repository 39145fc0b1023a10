"""What becomes of tiles beside those that are left: groups are whole when they are given, pages come early and once."""

from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dark_model import CONFIG, dark_network
from nuseg.errors import NusegError
from nuseg.model.store import Model
from nuseg.progress import Progress
from nuseg.results import early as early_module
from nuseg.results import segmentation as segmentation_module
from nuseg.results.batch import NucleiBatch
from nuseg.results.early import EarlyOutputs
from nuseg.results.formats import csv
from nuseg.results.registry import outputs
from nuseg.segmentation import part_store, pipeline, postprocess
from nuseg.segmentation.assembly import Assembly
from nuseg.segmentation.checkpoint import MemoryCheckpoint
from nuseg.segmentation.joining import join_and_keep
from nuseg.segmentation.pipeline import begin_source
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.segmenter import Segmenter
from nuseg.segmentation.stitching import Group, Groups, Places
from nuseg.segmentation.tiles import Hands, run_tiles, thread_pool
from nuseg.segmentation.tiling import Tile, plan_tiles
from slide_files import array_slide

DARK = Segmenter(Model(CONFIG, Path("nowhere")), dark_network, 1)
EARLY = [output.name for output in outputs.values() if output.beside and output.installed]
OUTPUTS = [*EARLY, "summary", "density"]


class AtOnce(Executor):
    """Does a task when it is asked to."""

    def submit(self, task: Any, /, *given: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(task(*given, **named))
        return future


def open_places(mask: np.ndarray, tile: Tile) -> Places:
    """The pixels of a tile's components that reach its border where that is not the image's."""
    rows, columns = tile.core
    _, components = cv2.connectedComponents(mask[tile.core].astype(np.uint8), connectivity=4)
    lines = [
        (components[0], rows.start > 0),
        (components[-1], rows.stop < mask.shape[0]),
        (components[:, 0], columns.start > 0),
        (components[:, -1], columns.stop < mask.shape[1]),
    ]
    reach = {number for line, inner in lines if inner for number in line.tolist()} - {0}
    y, x = np.nonzero(np.isin(components, list(reach)))
    numbers = np.unique(components[y, x], return_inverse=True)[1].reshape(-1)
    return Places(y + rows.start, x + columns.start, numbers)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    side=st.integers(3, 20),
    cover=st.sampled_from([0.3, 0.55, 0.7]),
    left_out=st.sampled_from([0.0, 0.3]),
)
def test_groups_are_the_components_of_the_whole(
    seed: int, shape: tuple[int, int], side: int, cover: float, left_out: float
) -> None:
    """Against OpenCV on the untiled mask; each is given once, whole, and not before the last tile that it needs."""
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < cover
    tiles = []
    for tile in plan_tiles(*shape, side, 0, 1):
        if rng.random() < left_out:
            mask[tile.core] = False
        else:
            tiles.append(tile)
    places = [open_places(mask, tile) for tile in tiles]
    groups, found = Groups(tiles), list[tuple[int, Group]]()
    for number in range(len(tiles)):
        groups.add(number, places[number])
        found += [(number, group) for _, given_groups in groups.take_whole(number) for group in given_groups]
    assert groups.top == np.inf
    assert not groups._owner
    assert not groups._borders
    _, whole = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    seen = set[int]()
    for when, group in found:
        assert when >= group.awaits >= max(group.tiles)
        pixels = [(places[tile], places[tile].component == component) for tile, component in group.members]
        y = np.concatenate([held.y[which] for held, which in pixels])
        x = np.concatenate([held.x[which] for held, which in pixels])
        (number,) = set(whole[y, x].tolist())
        assert number not in seen
        seen.add(number)
        assert len(y) == np.count_nonzero(whole == number)
        assert (group.top, group.left, group.bottom, group.right) == (y.min(), x.min(), y.max() + 1, x.max() + 1)
        assert group.home == min(group.tiles)
    reaching = {int(whole[y, x]) for held in places for y, x in zip(held.y, held.x, strict=True)}
    assert seen == reaching


def blobs(seed: int, side: int) -> np.ndarray:
    """Dark blobs of all sizes, `(side, side, 3)` uint8."""
    field = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(side, side)), (0, 0), 3)
    return np.repeat(np.where(field > np.quantile(field, 0.6), 20, 250).astype(np.uint8)[..., None], 3, axis=2)


def together(batches: list[NucleiBatch]) -> pd.DataFrame:
    return NucleiBatch.together(batches).table


@pytest.mark.parametrize("giant", [40, 4096])
@pytest.mark.parametrize("page", [16, 50, 64])
def test_pages_come_as_early_as_they_can_and_in_order(monkeypatch: pytest.MonkeyPatch, giant: int, page: int) -> None:
    """Step by step: what was given is the beginning of the whole, and is not changed by what comes."""
    monkeypatch.setattr(part_store, "PAGE", page)
    monkeypatch.setattr(postprocess, "LARGEST_COMPONENT", giant)
    pixels = blobs(1, 256)
    pixels[60:68] = 250  # nothing crosses: all above it can be given once the tiles are there
    work = begin_source(array_slide(pixels), CONFIG, SegmentOptions(tile=32, tissue=False))
    plan = work.plan
    parts, given_batches, counts = MemoryCheckpoint(), list[NucleiBatch](), list[int]()
    with thread_pool(1) as workers:
        list(run_tiles(plan, range(len(plan.tiles)), work.maps_by(dark_network), parts, Hands(), workers))
    assembly = Assembly(plan, parts, join_and_keep, AtOnce(), given_batches.append)
    for number in range(len(plan.tiles)):
        assembly.reach(number + 1)
        counts.append(len(given_batches))
    found = assembly.finish()
    whole = list(found.store.batches())
    pd.testing.assert_frame_equal(together(given_batches), together(whole), check_exact=True)
    assert together(whole)["id"].tolist() == list(range(1, len(together(whole)) + 1))
    assert counts == sorted(counts)
    third_row = next(number for number, tile in enumerate(plan.tiles) if tile.core[0].start >= 96)
    assert 0 < counts[third_row] < len(given_batches)


def saved(folder: Path, early: bool, segmenter: Segmenter = DARK, side: int = 300, **slide: Any) -> dict[str, bytes]:
    """The files of a slide, written early or after all nuclei were found."""
    partial, told = folder / "slide.partial", list[Progress]()
    wanted = EarlyOutputs(partial / "outputs", OUTPUTS, "slide", told.append) if early else None
    options = SegmentOptions(tile=64, tissue=False)
    source = array_slide(blobs(2, side), **slide)
    with segmenter(source, options=options, checkpoint=partial, early=wanted) as result:
        assert [path.name for path in folder.iterdir()] == ["slide.partial"], "nothing is shown before all is whole"
        assert bool(told) is early
        result.info = replace(result.info, seconds=0)
        result.save(folder, OUTPUTS, "slide")
        assert len(result) == len(result.nuclei) > 50
    assert not partial.exists()
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in folder.rglob("*.*")}


@pytest.mark.parametrize(("threads", "apart"), [(1, False), (4, False), (4, True)])
def test_what_is_written_early_is_what_is_written_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int, apart: bool
) -> None:
    """Also where batches are many, what an earlier run left lies there, and processes write the files."""
    monkeypatch.setattr(pipeline, "worth_it", lambda *_given: apart)
    monkeypatch.setattr(early_module, "ROWS", 50)
    monkeypatch.setattr(segmentation_module, "ROWS", 50)
    monkeypatch.setattr(part_store, "PAGE", 64)
    leftover = tmp_path / "early" / "slide.partial" / "outputs" / "csv" / ".0123-slide.csv"
    leftover.parent.mkdir(parents=True)
    leftover.write_text("half of a fi")
    late = saved(tmp_path / "late", False)
    assert {"csv", "geojson", "geoparquet"} <= set(EARLY)
    assert {name.split("/")[0] for name in late} == {outputs[name].folder or name for name in OUTPUTS}
    assert saved(tmp_path / "early", True, replace(DARK, threads=threads)) == late


@pytest.mark.parametrize("apart", [False, True])
def test_damage_that_is_met_late_is_told_in_all_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apart: bool
) -> None:
    """What was written before it was known is written again."""
    monkeypatch.setattr(pipeline, "worth_it", lambda *_given: apart)
    damaged = {"side": 600, "damaged": (550, 550, 600, 600)}
    late = saved(tmp_path / "late", False, **damaged)
    assert b"damaged part(s)" in late["geojson/slide.geojson"]
    assert saved(tmp_path / "early", True, **damaged) == late


def test_a_second_place_has_all_files_too(tmp_path: Path) -> None:
    """Files that were written early move once."""
    wanted = EarlyOutputs(tmp_path / "parts" / "outputs", ["csv"], "slide")
    with DARK(array_slide(blobs(2, 300)), options=SegmentOptions(tissue=False), early=wanted) as result:
        first, second = (result.save(tmp_path / name, ["csv"], "slide")["csv"] for name in "ab")
        assert first.read_bytes() == second.read_bytes()
        other = result.save(tmp_path / "c", ["csv"], "other")["csv"]
        assert other.read_bytes() == first.read_bytes()


def test_what_ends_the_work_while_outputs_are_written_ends_it_at_once(tmp_path: Path) -> None:
    def full(_state: Progress) -> None:
        raise NusegError("stop")

    wanted = EarlyOutputs(tmp_path / "parts" / "outputs", ["csv"], "slide", full)
    with pytest.raises(NusegError, match="stop"):
        DARK(array_slide(blobs(2, 300)), options=SegmentOptions(tissue=False), early=wanted)
    assert list((tmp_path / "parts" / "outputs" / "csv").iterdir()) == []


def test_errors_of_the_system_are_told_of_the_file_that_they_are_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is told of an output, a file that the network misses is not."""

    def missing(_batch: np.ndarray) -> np.ndarray:
        raise FileNotFoundError(2, "No such file or directory", "weights")

    options = SegmentOptions(tissue=False, tile=64)
    wanted = EarlyOutputs(tmp_path / "parts" / "outputs", ["csv"], "slide")
    with pytest.raises(FileNotFoundError, match="weights"):
        replace(DARK, engine=missing)(array_slide(blobs(2, 300)), options=options, early=wanted)

    def full(*_given: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(csv, "as_rows", full)
    with pytest.raises(NusegError, match=r"slide\.csv: cannot be written \(No space left on device\)"):
        DARK(array_slide(blobs(2, 300)), options=options, early=wanted)
    assert list((tmp_path / "parts" / "outputs" / "csv").iterdir()) == []


def test_a_join_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread beside the tiles must not fail in silence."""

    def broken(*_given: Any) -> Any:
        raise NusegError("broken join")

    monkeypatch.setattr(pipeline, "choose_hands", lambda *_given: Hands(join=broken))
    with pytest.raises(NusegError, match="broken join"):
        DARK(array_slide(blobs(2, 300)), options=SegmentOptions(tissue=False, tile=64), checkpoint=tmp_path / "kept")
