"""Outputs written by processes of their own: the same bytes, whatever becomes of a process."""

import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely

from nuseg.errors import NusegError
from nuseg.measure.nuclei import COLUMNS
from nuseg.results import early, writer_processes
from nuseg.results import segmentation as segmentation_module
from nuseg.results.areas import AnnotatedArea
from nuseg.results.batch import NucleiBatch, put_classes
from nuseg.results.early import EarlyFiles, EarlyOutputs
from nuseg.results.info import ResultInfo
from nuseg.results.output import Add
from nuseg.results.registry import outputs
from nuseg.results.segmentation import Segmentation
from nuseg.results.store import MemoryStore
from nuseg.results.writer_child import Beginning, FileTask, NucleiPart
from nuseg.results.writer_processes import FileApart, FilesApart, WriterProcess, WriterProcesses, worth_it
from slide_files import array_slide

EARLY = [output.name for output in outputs.values() if output.beside and output.installed]
SIDE, NUCLEI, ROWS = 400, 230, 40
INFO = ResultInfo("slide", Path("slide.tif"), "slide", SIDE, SIDE, 0.25, "test", notes=("a note",))
AREAS = (
    AnnotatedArea("left, and front", "Tumour", shapely.box(0, 0, SIDE / 2, SIDE)),
    AnnotatedArea("top", "", shapely.box(0, 0, SIDE, SIDE / 3)),
)


@pytest.fixture(scope="module")
def started() -> Iterator[WriterProcesses]:
    """Processes for all tests, since each takes a while to start."""
    own = WriterProcesses()
    yield own
    own.stop()


@pytest.fixture(autouse=True)
def processes(started: WriterProcesses, monkeypatch: pytest.MonkeyPatch) -> WriterProcesses:
    monkeypatch.setattr(writer_processes, "processes", started)
    monkeypatch.setattr(early, "ROWS", ROWS)
    monkeypatch.setattr(segmentation_module, "ROWS", ROWS)
    monkeypatch.setattr(started, "failures", 0)
    return started


def found(seed: int = 0, classes: tuple[str, ...] = ()) -> list[NucleiBatch]:
    """Nuclei of any measures, in batches of any size."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({name: rng.random(NUCLEI) * SIDE for name in COLUMNS})
    table["id"] = np.arange(1, NUCLEI + 1)
    if classes:
        put_classes(table, classes, rng.random((NUCLEI, len(classes))))
    corners = np.array([[0, 0], [0, 3], [4, 3.5], [4, 0]])
    polygons = [corners + centre for centre in table[["x_px", "y_px"]].to_numpy()]
    cuts = [0, 17, 90, 91, 200, NUCLEI]
    return [
        NucleiBatch(table[start:stop].reset_index(drop=True), polygons[start:stop]) for start, stop in pairwise(cuts)
    ]


def write(
    folder: Path,
    apart: bool,
    batches: list[NucleiBatch],
    info: ResultInfo = INFO,
    wanted: list[str] = EARLY,
    between: Callable[[int, EarlyFiles], None] = lambda _number, _files: None,
) -> tuple[dict[str, bytes], set[str]]:
    """Write files early, and save the result: all its files, and which of them had been written early."""
    place = EarlyOutputs(folder / "slide.partial" / "outputs", wanted, "slide")
    with EarlyFiles(place, nothing(info), apart) as files:
        for number, batch in enumerate(batches):
            files.add(batch)
            between(number, files)
    result = Segmentation(info, MemoryStore(batches), nothing().source, early=files)
    fitting = set(files.fitting(result, "slide"))
    paths = result.save(folder, wanted, "slide")
    assert len(result) == NUCLEI
    return {name: path.read_bytes() for name, path in paths.items()}, fitting


def nothing(info: ResultInfo = INFO) -> Segmentation:
    """A result before its first nucleus."""
    return Segmentation(info, MemoryStore([]), array_slide(np.full((SIDE, SIDE, 3), 255, np.uint8)))


def pids(files: EarlyFiles) -> dict[str, int]:
    return {name: file._process._process.pid for name, file in files._apart.files.items()}


def test_processes_give_the_same_bytes(tmp_path: Path, processes: WriterProcesses) -> None:
    """Also with classes and annotated areas, and of a second slide."""
    plain = write(tmp_path / "here", False, found())
    assert plain[1] == set(EARLY) >= {"csv", "geojson", "geoparquet"}
    assert write(tmp_path / "there", True, found()) == plain
    idle = {process._process.pid for process in processes._idle}
    assert len(idle) == len(EARLY)
    info = replace(INFO, classes=("one", "other"), annotations=AREAS)
    rich = write(tmp_path / "rich here", False, found(1, info.classes), info)
    assert b"left, and front" in rich[0]["csv"]
    assert write(tmp_path / "rich there", True, found(1, info.classes), info) == rich
    assert {process._process.pid for process in processes._idle} == idle, "a process writes one file after the other"


def test_a_result_without_nuclei_has_files_too(tmp_path: Path) -> None:
    for apart in (False, True):
        place = EarlyOutputs(tmp_path / str(apart), EARLY, "slide")
        with EarlyFiles(place, nothing(), apart) as files:
            pass
        assert set(files.fitting(nothing(), "slide")) == set(EARLY)
    here, there = ([path.read_bytes() for path in sorted((tmp_path / name).rglob("*.*"))] for name in ("False", "True"))
    assert here == there


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")
@pytest.mark.parametrize("held", [False, True], ids=["at once", "with parts that wait"])
def test_a_killed_process_costs_its_file_only(tmp_path: Path, held: bool) -> None:
    """It is written as usual when all nuclei are known; nobody waits for ever."""
    wanted = ["csv", "geojson"]

    def deadly(number: int, files: EarlyFiles) -> None:
        if held and number == 0:
            os.kill(pids(files)["csv"], signal.SIGSTOP)
        if number == 3 - held:
            os.kill(pids(files)["csv"], signal.SIGKILL)

    here, _ = write(tmp_path / "here", False, found(), wanted=wanted)
    there, early_ones = write(tmp_path / "there", True, found(), wanted=wanted, between=deadly)
    assert there == here
    assert early_ones == {"geojson"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")
def test_a_process_that_dies_at_the_end_costs_its_file_only(tmp_path: Path) -> None:
    def deadly(number: int, files: EarlyFiles) -> None:
        if number == 4:
            os.kill(pids(files)["csv"], signal.SIGKILL)

    here, _ = write(tmp_path / "here", False, found(), wanted=["csv"])
    assert write(tmp_path / "there", True, found(), wanted=["csv"], between=deadly) == (here, set())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")
def test_ctrl_c_is_for_the_process_that_asks(tmp_path: Path) -> None:
    def interrupted(number: int, files: EarlyFiles) -> None:
        if number == 3:
            for file in files._apart.files.values():
                file._wait(0)  # it has begun, else Python itself would end it
            for pid in pids(files).values():
                os.kill(pid, signal.SIGINT)

    here = write(tmp_path / "here", False, found(), wanted=["csv"])
    assert write(tmp_path / "there", True, found(), wanted=["csv"], between=interrupted) == here


def test_an_output_of_this_process_alone_is_written_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that took the name of another."""

    @contextmanager
    def open_(path: Path, _result: Any) -> Iterator[Add]:
        seen: list[int] = []
        yield lambda batch: seen.append(len(batch))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{os.getpid()} wrote {sum(seen)}")

    monkeypatch.setattr(outputs, "_items", dict(outputs._items))
    monkeypatch.setattr(outputs, "_registered", set[str]())
    outputs.register(replace(outputs["csv"], open=open_))
    outputs.register(replace(outputs["csv"], name="own"))
    assert not outputs.found_anywhere("own")
    written, early_ones = write(tmp_path, True, found(), wanted=["csv", "own", "geojson"])
    assert written["csv"] == written["own"] == f"{os.getpid()} wrote {NUCLEI}".encode()
    assert early_ones == {"csv", "own", "geojson"}
    outputs.unregister("own")
    assert not outputs.found_anywhere("own")


@pytest.mark.parametrize("output", ["nobody knows it", "density"], ids=["unknown", "wants more than is known"])
def test_what_a_process_cannot_write_is_given_up(tmp_path: Path, output: str) -> None:
    with FilesApart({output: tmp_path / "file", "csv": tmp_path / "a.csv"}, INFO) as files:
        for batch in found():
            files.add(batch)
    assert files.lost == {output}
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert len((tmp_path / "a.csv").read_text().splitlines()) == NUCLEI + 1


def test_a_folder_that_cannot_be_written_is_told_as_ever(tmp_path: Path) -> None:
    told = []
    (tmp_path / "file").write_text("")
    for apart in (False, True):
        with pytest.raises(NusegError) as error:  # noqa: PT012 (a process tells it later)
            place = EarlyOutputs(tmp_path / "file" / "outputs", ["csv"], "slide")
            with EarlyFiles(place, nothing(), apart) as files:
                for batch in found():
                    files.add(batch)
        told.append(str(error.value))
    assert told[0] == told[1]
    assert "cannot be written, because" in told[0]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems limit no process from outside")
def test_a_full_disk_is_told_of_the_file(tmp_path: Path, processes: WriterProcesses) -> None:
    """The system refuses to write more, in mid-file."""
    import resource

    full = WriterProcess()
    resource.prlimit(full._process.pid, resource.RLIMIT_FSIZE, (20_000, 20_000))
    processes.put(full)
    with pytest.raises(NusegError, match=r"slide\.csv: cannot be written \(File too large\)"):
        write(tmp_path, True, found(), wanted=["csv"])
    assert not full.alive
    assert not (tmp_path / "csv").exists()


def test_an_error_in_the_block_leaves_no_process(tmp_path: Path, processes: WriterProcesses) -> None:
    children: list[WriterProcess] = []

    def failing(number: int, files: EarlyFiles) -> None:
        children[:] = [file._process for file in files._apart.files.values()]
        if number == 3:
            raise KeyboardInterrupt

    before = len(processes._idle)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, True, found(), wanted=["csv"], between=failing)
    assert [process.alive for process in children] == [False]
    assert len(processes._idle) == max(0, before - 1)
    assert not (tmp_path / "csv").exists()


def test_a_system_without_processes_writes_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_module: str) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(writer_processes, "start_child", refuse)
    none = WriterProcesses()
    monkeypatch.setattr(writer_processes, "processes", none)
    here = write(tmp_path / "here", False, found(), wanted=["csv", "geojson"])
    for number in range(4):
        assert write(tmp_path / str(number), True, found(), wanted=["csv", "geojson"]) == here
    assert none.failures == writer_processes.MOST_FAILURES + 1, "it does not try for ever"


def test_a_process_that_died_in_its_sleep_is_replaced(processes: WriterProcesses) -> None:
    process = processes.get()
    assert process is not None
    processes.put(process)
    process.stop()
    other = processes.get()
    assert other is not None
    assert other is not process
    assert other.alive
    processes.put(other)


def test_a_process_ends_with_the_one_that_started_it(tmp_path: Path, processes: WriterProcesses) -> None:
    """What it had begun is gone, too."""
    process = processes.get()
    assert process is not None
    file = FileApart(process, FileTask("csv", tmp_path / "a.csv", Beginning(INFO)))
    file._wait(0)
    assert len(list(tmp_path.iterdir())) == 1
    stdin = process._process.stdin
    assert stdin is not None
    stdin.close()
    assert process._process.wait(timeout=60) == 0
    assert list(tmp_path.iterdir()) == []
    file._thread.shutdown()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")
def test_few_parts_wait(tmp_path: Path, processes: WriterProcesses) -> None:
    """A process that is slow holds up whoever gives it nuclei: memory does not grow."""
    process = processes.get()
    assert process is not None
    task = FileTask("csv", tmp_path / "a.csv", Beginning(INFO))
    given, part = list[int](), pickle.dumps(NucleiPart.of(found()[1]))

    def give() -> None:
        for number in range(9):
            file.add(part)
            given.append(number)

    with FileApart(process, task) as file:
        file._wait(0)
        os.kill(process._process.pid, signal.SIGSTOP)
        thread = Thread(target=give)
        thread.start()
        deadline = time.monotonic() + 20
        while len(given) < writer_processes.WAITING and time.monotonic() < deadline:
            time.sleep(0.01)
        thread.join(0.2)
        assert len(given) == writer_processes.WAITING
        os.kill(process._process.pid, signal.SIGCONT)
        thread.join(60)
        assert len(given) == 9


def test_where_it_is_worth_it() -> None:
    assert worth_it(16, 100)
    assert not worth_it(4, 100), "few cores are busy with the network and tiles"
    assert not worth_it(16, 1), "it is done before a process has started"
