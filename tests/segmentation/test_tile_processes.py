"""Nuclei separated by other processes: the same bytes, also where one is killed."""

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from class_model import CLASSES, class_network
from class_model import CONFIG as CLASS_CONFIG
from dark_device import DarkDevice
from dark_model import CONFIG, dark_network
from nuseg.engines.feeder import BatchFeeder
from nuseg.errors import NusegError
from nuseg.io.opening import open_source
from nuseg.model.config import ModelConfig
from nuseg.segmentation import tile_processes
from nuseg.segmentation.checkpoint import FolderCheckpoint, MemoryCheckpoint
from nuseg.segmentation.pipeline import segment_source
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.tile_processes import TileProcess, TileProcesses, choose_hands
from nuseg.segmentation.tiles import separate_and_keep
from slide_files import save_pyramid

pytestmark = pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system has no memory of this kind")
SIDE, TILE = 400, 64


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    pixels = np.full((SIDE, SIDE, 3), 255, np.uint8)
    pixels[np.ix_(*[np.arange(SIDE) % 20 < 8] * 2)] = 0
    pixels[100:150, 10:-10] = 20  # a component that many tiles share
    return save_pyramid(tmp_path / "slide.tif", pixels, (1, 2), compression=None)


@pytest.fixture(scope="module")
def started() -> Iterator[TileProcesses]:
    """Processes for all tests, since each takes a while to start."""
    own = TileProcesses()
    yield own
    own.stop()


@pytest.fixture
def processes(started: TileProcesses, monkeypatch: pytest.MonkeyPatch) -> TileProcesses:
    """Processes that are worth it also for few tiles."""
    monkeypatch.setattr(tile_processes, "processes", started)
    monkeypatch.setattr(tile_processes, "WORTH", 0)
    monkeypatch.setattr(started, "_failures", 0)
    return started


def results(
    slide: Path, folder: Path, threads: int, engine: Any = dark_network, config: ModelConfig = CONFIG
) -> dict[str, bytes]:
    with (
        open_source(slide) as source,
        segment_source(
            source, config, engine, SegmentOptions(0.25, tissue=False, tile=TILE), folder / "parts", threads
        ) as result,
    ):
        result.save(folder, ["csv", "geojson", "geoparquet"])
    return {path.parent.name: path.read_bytes() for path in folder.rglob("slide.*")}


def test_processes_give_the_same_bytes(
    slide: Path, tmp_path: Path, processes: TileProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = results(slide, tmp_path / "here", 1)
    joined: list[int] = []
    join = TileProcess.join
    monkeypatch.setattr(TileProcess, "join", lambda own, frame, shared, parts: (
        joined.append(shared.home), join(own, frame, shared, parts))[1])  # fmt: skip
    assert results(slide, tmp_path / "there", 4) == here
    assert len(joined) > 5, "what tiles share was not joined there"
    assert len(processes._idle) == 2
    assert processes._failures == 0
    assert results(slide, tmp_path / "again", 4) == here, "a second source with the same processes"


def test_processes_start_ahead_once(processes: TileProcesses) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(processes.start_ahead, [2] * 6))
    taken = processes.take()
    processes.start_ahead(2)  # one of the two has work
    assert taken is not None
    assert len(processes._idle) == 1
    processes.put(taken)


def test_where_processes_fail_none_are_started_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> TileProcess:
        raise OSError("no more processes")

    monkeypatch.setattr("nuseg.segmentation.tile_processes.TileProcess", refuse)
    failing = TileProcesses()
    failing.start_ahead(2)
    assert failing.take() is None


def test_class_maps_pass_through_processes(tmp_path: Path, processes: TileProcesses) -> None:
    pixels = np.full((SIDE, SIDE, 3), 255, np.uint8)
    pixels[np.ix_(*[np.arange(SIDE) % 20 < 8] * 2)] = 0
    pixels[100:150, 10:-10] = 20
    pixels[..., 0] += (np.arange(SIDE) // 4).astype(np.uint8) * (pixels[..., 0] < 128)  # redder to the right
    slide = save_pyramid(tmp_path / "slide.tif", pixels, (1, 2), compression=None)
    here = results(slide, tmp_path / "here", 1, class_network, CLASS_CONFIG)
    assert results(slide, tmp_path / "there", 4, class_network, CLASS_CONFIG) == here
    assert processes._failures == 0
    assert all(f'"{name}"' in here["geojson"].decode() for name in CLASSES)


def test_processes_beside_an_engine_with_windows_in_flight_give_the_same_bytes(
    slide: Path, tmp_path: Path, processes: TileProcesses
) -> None:
    engine = BatchFeeder([DarkDevice(), DarkDevice()], launch=3 * TILE**2)
    here = results(slide, tmp_path / "here", 1)
    assert results(slide, tmp_path / "there", 3, engine) == here  # two processes, since the network leaves its core
    assert 0 < len(processes._idle) <= 2
    assert processes._failures == 0
    engine.close()


def test_a_killed_process_costs_nothing(slide: Path, tmp_path: Path, processes: TileProcesses) -> None:
    here = results(slide, tmp_path / "here", 1)
    calls = 0

    def deadly(batch: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls in (10, 11):
            time.sleep(0.2)  # until one waits for its next tile
            for process in processes._idle[:1]:
                os.kill(process._process.pid, signal.SIGKILL)
        return dark_network(batch)

    assert results(slide, tmp_path / "there", 4, deadly) == here
    assert processes._failures > 0, "no process was killed"


def test_a_system_without_room_or_processes_does_it_here(
    slide: Path, tmp_path: Path, processes: TileProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    own, most = TileProcesses(), 2
    monkeypatch.setattr(tile_processes, "processes", own)
    monkeypatch.setattr(tile_processes, "MOST_FAILURES", most)
    monkeypatch.setattr("nuseg.segmentation.tile_processes.os.posix_fallocate", refuse)
    assert results(slide, tmp_path / "there", 4) == results(slide, tmp_path / "here", 1)
    assert most < own._failures < most + 4, "it does not try for ever"
    assert own._idle == []


def test_what_a_process_cannot_keep_is_said_as_ever(slide: Path, tmp_path: Path, processes: TileProcesses) -> None:
    """A folder that cannot be written is the user's to know, whoever writes."""
    folder = tmp_path / "there"
    parts = FolderCheckpoint(folder / "parts", {})
    calls = 0

    def vanishing(batch: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls == 5:
            while not parts.folder.is_file():  # a process that keeps something just now makes the folder again
                shutil.rmtree(parts.folder, ignore_errors=True)
                with suppress(OSError):
                    parts.folder.write_text("a file")
        return dark_network(batch)

    # Whoever comes between the two finds no folder at all.
    with pytest.raises(NusegError, match=r"parts: cannot be written, because it is a file|npz: gone; leave "):
        results(slide, folder, 4, vanishing)


def test_where_processes_are_worth_it(tmp_path: Path) -> None:
    kept = FolderCheckpoint(tmp_path / "parts", {})
    assert choose_hands(16, kept, 1000).separate != separate_and_keep
    assert choose_hands(16, kept, 8).separate == separate_and_keep
    assert choose_hands(2, kept, 1000).separate == separate_and_keep
    assert choose_hands(16, MemoryCheckpoint(), 1000).separate == separate_and_keep
    assert (choose_hands(1, kept, 9).readers, choose_hands(1, kept, 9).workers) == (2, 1)


def test_a_network_that_runs_elsewhere_leaves_its_cores(tmp_path: Path) -> None:
    class Elsewhere:
        notes = ()

        def __call__(self, batch: np.ndarray) -> np.ndarray:
            return batch

        submit = in_flight = __call__

    kept = FolderCheckpoint(tmp_path / "parts", {})
    assert choose_hands(16, kept, 1000, Elsewhere()).workers == 15  # type: ignore[arg-type]
    assert choose_hands(16, kept, 1000, dark_network).workers == 8
    assert choose_hands(1, kept, 1000, Elsewhere()).workers == 1  # type: ignore[arg-type]


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_no_process_outlives_its_parent(slide: Path, tmp_path: Path) -> None:
    """Killed with SIGKILL in mid-slide, a run leaves neither processes nor files in memory."""
    import subprocess

    program = (
        "import sys\nfrom pathlib import Path\nfrom test_tile_processes import results, tile_processes\n"
        "tile_processes.WORTH = 0\nwhile True: results(Path(sys.argv[1]), Path(sys.argv[2]), 4)\n"
    )
    before = set(Path("/dev/shm").glob("*nuseg*")) if Path("/dev/shm").is_dir() else set()
    path = os.pathsep.join([*sys.path, str(Path(__file__).parent)])
    run = subprocess.Popen(
        [sys.executable, "-c", program, str(slide), str(tmp_path / "out")], env={**os.environ, "PYTHONPATH": path}
    )
    import psutil

    children: list[psutil.Process] = []
    deadline = time.monotonic() + 60
    while len(children) < 2 and time.monotonic() < deadline:
        children = [c for c in psutil.Process(run.pid).children() if "tile_child" in " ".join(c.cmdline())]
        time.sleep(0.05)
    run.kill()
    run.wait()
    assert len(children) >= 2
    assert psutil.wait_procs(children, timeout=20)[1] == []
    after = set(Path("/dev/shm").glob("*nuseg*")) if Path("/dev/shm").is_dir() else set()
    assert after <= before
    assert threading.active_count() < 20
