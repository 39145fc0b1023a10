"""Images and slides on the workers of a Dask cluster: the same bytes as on one machine, whoever dies."""

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pandas as pd
import pytest
import shapely
from distributed import Client, LocalCluster, Variable, get_worker

import class_model
from class_model import save_class_model
from dark_model import dark_network, save_dark_model
from nuseg.errors import NusegError
from nuseg.io.image import write_png
from nuseg.results import summary
from nuseg.results.records import MARKER, Records
from nuseg.segmentation import cluster as module
from nuseg.segmentation import cluster_finish
from nuseg.segmentation import cluster_tasks as tasks
from nuseg.segmentation.cluster import choose_device, connect, ranges_of
from nuseg.segmentation.cluster_finish import Reach
from nuseg.segmentation.folder import FolderResult, segment_folder
from nuseg.segmentation.pipeline import begin_source
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.tiles import read_window
from slide_files import save_pyramid

LONGEST = 60.0  # s that a test waits
PAGES = ("report.csv", "report.html", "report_groups.csv")
KILLS_POISON = """
import os, signal
from nuseg.segmentation import cluster_tasks as tasks
def poisoned(known):
    def do_image(order, job):
        if job.name == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        return known(order, job)
    return do_image
tasks.do_image = poisoned(tasks.do_image)
"""
needs_sigkill = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_dark_model(tmp_path_factory.mktemp("model") / "dark").path


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Two worker processes that start anew when they die; what is named "poison" kills them."""
    preload = tmp_path_factory.mktemp("preload") / "poison.py"
    preload.write_text(KILLS_POISON)
    with (
        dask.config.set({**module.NEVER_LOST, "distributed.scheduler.allowed-failures": 1}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, memory_limit=0, dashboard_address="127.0.0.1:0", silence_logs=50,
            preload=[str(preload)],
        ) as cluster,
        Client(cluster) as client,
    ):  # fmt: skip
        yield client


@pytest.fixture(scope="module")
def threads() -> Iterator[Client]:
    """Two workers in this process, one of which says that it has a GPU."""
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as client,
    ):
        from distributed import Worker

        async def start(dask_scheduler: Any = None) -> Any:
            return await Worker(dask_scheduler.address, nthreads=1, resources={"GPU": 1}, dashboard=False, name="gpu")

        gpu = client.run_on_scheduler(start)
        client.wait_for_workers(2)
        yield client
        client.sync(gpu.close)


def make_images(folder: Path, *names: str) -> Path:
    pixels = np.full((40, 50, 3), 255, np.uint8)
    pixels[5:15, 5:15] = 0
    for name in names:
        write_png(folder / f"{name}.png", pixels)
    return folder


def make_slide(path: Path, side: int) -> Path:
    pixels = np.full((side, side, 3), 255, np.uint8)
    pixels[np.ix_(*[np.arange(side) % 20 < 8] * 2)] = 0
    pixels[side // 3 : side // 2, 10 : side - 10] = 20  # a component that many tiles share
    return save_pyramid(path, pixels, (1, 2), compression=None)


def run(inputs: Path, out: Path, model: Path, client: Client | None = None, **options: Any) -> FolderResult:
    options = {"tile": 64, "tissue": False, "outputs": ["csv", "geojson", "geoparquet"], "mpp": 0.25} | options
    return segment_folder(inputs, out, model=model, client=client, **options)


def contents(out: Path) -> dict[str, bytes]:
    """All results but the summary, which holds seconds."""
    files = [path for path in out.rglob("*") if path.is_file() and MARKER not in path.parts]
    return {str(path.relative_to(out)): path.read_bytes() for path in files if path.name != summary.FILE}


def facts(out: Path) -> list[dict[str, Any]]:
    """The rows of a summary but for seconds."""
    return [vars(row) | {"seconds": None} for row in summary.read(out / summary.FILE)]


def wait_for(happened: Callable[[], object]) -> None:
    begun = time.monotonic()
    while not happened():
        assert time.monotonic() - begun < LONGEST
        time.sleep(0.005)


def test_a_tile_can_be_done_elsewhere(tmp_path: Path) -> None:
    """All that a tile needs is pickled, the source as its path."""
    import pickle

    from dark_model import CONFIG
    from nuseg.io.opening import open_source

    with open_source(make_slide(tmp_path / "s.tif", 300)) as source:
        work = begin_source(source, CONFIG, SegmentOptions(0.25, tissue=False, tile=64, stain="macenko"))
        again = pickle.loads(pickle.dumps(work))
        with again.source:
            for number in range(len(work.plan.tiles)):
                read = [read_window(plan, [number]).pixels for plan in (again.plan, work.plan)]
                np.testing.assert_array_equal(*read)
            assert again.kept_settings == work.kept_settings
            pixels = read_window(work.plan, [0]).pixels
            tile = work.plan.tiles[0]
            np.testing.assert_array_equal(
                again.maps_by(dark_network)(tile, pixels), work.maps_by(dark_network)(tile, pixels)
            )


@needs_sigkill
def test_a_killed_worker_costs_its_running_tiles_alone(
    processes: Client, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes are those of one machine; tiles that were there when a worker was killed are not done again."""
    inputs = make_images(tmp_path / "in", "a", "b")
    make_slide(inputs / "large.tif", 500)
    make_slide(inputs / "small.tif", 200)
    (inputs / "bad.png").write_bytes(b"no image")
    run(inputs, tmp_path / "one", model)

    parts = tmp_path / "many" / "large.partial"
    kept, removed = tmp_path / "kept", module.rmtree
    monkeypatch.setattr(
        module, "rmtree", lambda folder, **how: folder.rename(kept) if folder == parts else removed(folder, **how)
    )
    before: dict[str, tuple[int, int]] = {}

    def kill() -> None:
        wait_for(lambda: len(list(parts.glob("tile-*.npz"))) > 4)
        before.update({p.name: (p.stat().st_mtime_ns, p.stat().st_ino) for p in parts.glob("tile-*.npz")})
        os.kill(next(iter(pids.values())), signal.SIGKILL)

    pids = processes.run(os.getpid)
    killer = threading.Thread(target=kill)
    killer.start()
    told: list[tuple[int, int]] = []
    result = run(
        inputs, tmp_path / "many", model, processes, progress=lambda state: told.append((state.done, state.total))
    )
    killer.join()
    wait_for(lambda: len(processes.nthreads()) == 2)
    assert set(processes.run(os.getpid).values()) != set(pids.values()), "no worker died"

    assert [row.name for row in result.failed] == ["bad"]
    assert contents(tmp_path / "many") == contents(tmp_path / "one")
    assert facts(tmp_path / "many") == facts(tmp_path / "one")
    tiles = {p.name: (p.stat().st_mtime_ns, p.stat().st_ino) for p in kept.glob("tile-*.npz")}
    assert len(tiles) == 7 * 7
    # What the other worker wrote between the two looks at a file may be missing from the first.
    assert before.items() <= tiles.items()
    assert told[-1] == (7 * 7 + 3 * 3, 7 * 7 + 3 * 3)
    assert sorted(path.name for path in (tmp_path / "many").iterdir()) == [
        MARKER, "csv", "geojson", "geoparquet", *PAGES, "summary.csv"
    ]  # fmt: skip
    assert list((tmp_path / "many" / MARKER).glob("cluster-*")) == []


def test_areas_and_what_reports_show_are_the_same_whoever_finds_them(
    processes: Client, tmp_path: Path, model: Path
) -> None:
    """One process, workers of a cluster, and shards."""
    inputs = make_images(tmp_path / "in", "a", "b")
    make_slide(inputs / "s.tif", 200)
    boxes = {'all, "quoted"': (0, 0, 200, 200), "null],[": (0, 0, 33, 30), "corner": (0, 0, 12, 12)}
    features = [
        {"type": "Feature", "properties": {"name": name, "classification": {"name": "Tumor"}},
         "geometry": shapely.geometry.mapping(shapely.box(*box))}
        for name, box in boxes.items()
    ]  # fmt: skip
    region, table = tmp_path / "r.geojson", tmp_path / "t.csv"
    region.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    table.write_text('name,patient,group\na,p1,x\nb,"p, 2",y\ns,p1,x\n')
    options = {"region": str(region), "table": table}
    run(inputs, tmp_path / "one", model, **options)
    run(inputs, tmp_path / "many", model, processes, **options)
    for number in (2, 1):
        run(inputs, tmp_path / "shards", model, **options, shard=(number, 2))

    def kept(out: Path) -> dict[str, bytes]:
        places = (out / MARKER / "report", out / MARKER / "annotations")
        return {f"{place.name}/{path.name}": path.read_bytes() for place in places for path in place.iterdir()}

    expected = contents(tmp_path / "one")
    assert len(kept(tmp_path / "one")) == 2 * 3 + 4 + 3  # of each facts, small and close; of a slide densities; areas
    for out in (tmp_path / "many", tmp_path / "shards"):
        assert contents(out) == expected
        assert kept(out) == kept(tmp_path / "one")
        assert facts(out) == facts(tmp_path / "one")
    areas = pd.read_csv(tmp_path / "one" / "annotations.csv")
    assert list(areas["annotation"]) == 3 * list(boxes)
    assert list(areas["nuclei"][:3]) == [1, 1, 1]
    assert list(areas["patient"]) == ["p1"] * 3 + ["p, 2"] * 3 + ["p1"] * 3
    nuclei = pd.read_csv(tmp_path / "one" / "csv" / "s.csv")
    assert set(nuclei["annotation"]) == set(boxes)
    assert set(nuclei["annotation_class"]) == {"Tumor"}


def test_classes_are_the_same_whoever_tells_them(processes: Client, tmp_path: Path) -> None:
    model = save_class_model(tmp_path / "model").path
    write_png(tmp_path / "in" / "a.png", class_model.picture())
    save_pyramid(tmp_path / "in" / "s.tif", np.tile(class_model.picture(), (4, 3, 1)), (1, 2), compression=None)
    run(tmp_path / "in", tmp_path / "one", model)
    run(tmp_path / "in", tmp_path / "many", model, processes)
    assert contents(tmp_path / "many") == contents(tmp_path / "one")
    assert facts(tmp_path / "many") == facts(tmp_path / "one")
    assert [row["classes"] for row in facts(tmp_path / "one")] == [
        dict(zip(class_model.CLASSES, counts, strict=True)) for counts in ((2, 4), (2 * 12, 4 * 12))
    ]


@needs_sigkill
def test_an_image_that_kills_every_worker_is_one_row(processes: Client, tmp_path: Path, model: Path) -> None:
    inputs = make_images(tmp_path / "in", "a", "poison")
    result = run(inputs, tmp_path / "out", model, processes)
    errors = {row.name: row.error for row in result.rows}
    assert (sorted(errors), errors["a"]) == (["a", "poison"], "")
    assert "poison.png: 2 workers died, one after the other" in errors["poison"]
    assert [row.name for row in summary.read(tmp_path / "out" / "summary.csv")] == ["a", "poison"]


def test_what_was_done_is_not_done_again_whoever_did_it(processes: Client, tmp_path: Path, model: Path) -> None:
    inputs = make_images(tmp_path / "in", "a")
    make_slide(inputs / "s.tif", 200)
    assert run(inputs, tmp_path / "out", model, processes).skipped == 0
    assert run(inputs, tmp_path / "out", model).skipped == 2
    assert run(inputs, tmp_path / "out", model, processes).skipped == 2


def test_a_slide_begun_on_one_machine_goes_on_on_a_cluster(processes: Client, tmp_path: Path, model: Path) -> None:
    inputs = make_images(tmp_path / "in", "a")
    make_slide(inputs / "s.tif", 200)
    run(inputs, tmp_path / "one", model)
    done = 0

    def stop_soon(_state: object) -> None:
        nonlocal done
        done += 1
        if done > 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(inputs, tmp_path / "out", model, progress=stop_soon)
    assert list((tmp_path / "out" / "s.partial").glob("tile-*.npz"))
    run(inputs, tmp_path / "out", model, processes)
    assert contents(tmp_path / "out") == contents(tmp_path / "one")


def test_interrupted_it_keeps_what_is_done_and_goes_on(processes: Client, tmp_path: Path, model: Path) -> None:
    inputs = tmp_path / "in"
    inputs.mkdir()
    make_slide(inputs / "s.tif", 500)
    parts = tmp_path / "out" / "s.partial"

    def interrupt(state: Any) -> None:
        if state.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(inputs, tmp_path / "out", model, processes, progress=interrupt)
    assert 0 < len(list(parts.glob("tile-*.npz"))) < 8 * 8
    assert list((tmp_path / "out" / MARKER / "running").iterdir()) == []
    assert run(inputs, tmp_path / "out", model, processes).rows[0].error == ""


def test_what_tiles_share_and_outputs_are_done_beside_them(
    threads: Client, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last tiles wait until what the first ones share is joined, and an output begun."""
    inputs = tmp_path / "in"
    inputs.mkdir()
    make_slide(inputs / "s.tif", 500)
    run(inputs, tmp_path / "one", model)
    parts, known, longest = tmp_path / "out" / "s.partial", tasks.do_tiles, LONGEST

    def do_tiles(order: Any, job: Any, slide: Any, numbers: Any) -> Any:
        begun = time.monotonic()
        while slide.tiles - 1 in numbers and not (list(parts.glob("joined-*")) and list(parts.glob("outputs-*/*/*"))):
            if time.monotonic() - begun > longest:
                raise NusegError("the last tile waited in vain")
            time.sleep(0.01)
        return known(order, job, slide, numbers)

    monkeypatch.setattr(tasks, "do_tiles", do_tiles)
    result = run(inputs, tmp_path / "out", model, threads, device="cpu")
    assert [row.error for row in result.rows] == [""]
    assert contents(tmp_path / "out") == contents(tmp_path / "one")


def test_who_waits_for_tiles_ends_with_the_run(
    threads: Client, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_finish, "LOOK", 0.01)
    inputs = tmp_path / "in"
    inputs.mkdir()
    make_slide(inputs / "s.tif", 500)

    def follows() -> bool:
        """Whether a thread of this process goes after tiles."""
        stacks = map(traceback.extract_stack, sys._current_frames().values())
        return any(call.name == "assemble" for stack in stacks for call in stack)

    def interrupt(state: Any) -> None:
        if state.done:
            wait_for(lambda: follows())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(inputs, tmp_path / "out", model, threads, device="cpu", progress=interrupt)
    wait_for(lambda: not follows())


@needs_sigkill
@pytest.mark.parametrize("deaths", [1, 2])
def test_a_slide_is_not_given_up_because_workers_died_beside_its_tiles(
    processes: Client, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, deaths: int
) -> None:
    """Two deaths are one more than the cluster of this test lets a task have."""
    inputs = tmp_path / "in"
    inputs.mkdir()
    make_slide(inputs / "s.tif", 200)
    calls, known = tmp_path / "calls", cluster_finish.finish_slide

    def finish_slide(order: Any, job: Any, slide: Any, reach: str) -> Any:
        with calls.open("a") as file:
            file.write("x")
        if len(calls.read_text()) <= deaths:
            list(cluster_finish.reached(reach, slide.tiles))  # else tiles in work are blamed as well
            os.kill(os.getpid(), signal.SIGKILL)
        return known(order, job, slide, reach)

    monkeypatch.setattr(module, "finish_slide", finish_slide)
    result = run(inputs, tmp_path / "out", model, processes)
    wait_for(lambda: len(processes.nthreads()) == 2)
    assert [row.error for row in result.rows] == [""]
    assert len(calls.read_text()) == deaths + 1


def test_how_far_tiles_are_done(threads: Client) -> None:
    with Reach(threads) as reach:
        known = Variable(reach.name, threads)
        seen = [known.get()]
        for done in (range(2, 4), range(0, 2), range(7, 9), range(4, 7)):
            reach.add(done)
            seen.append(known.get())
    assert seen == [0, 0, 4, 4, 9]


def test_work_of_the_network_goes_to_workers_with_a_gpu(
    threads: Client, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine is another one, since there is no GPU here; where it runs is real."""
    names: list[tuple[str, str]] = []

    def engine(model: object, device: str, cores: int | None) -> Callable[[np.ndarray], np.ndarray]:
        def noted(batch: np.ndarray) -> np.ndarray:
            names.append((device, str(get_worker().name)))
            return dark_network(batch)

        return noted

    monkeypatch.setattr(tasks, "load_engine", engine)
    inputs = make_images(tmp_path / "in", "a", "b", "c")
    make_slide(inputs / "s.tif", 200)
    tasks._load.cache_clear()
    run(inputs, tmp_path / "out", model, threads, tile=200)
    tasks._load.cache_clear()
    assert set(names) == {("cuda", "gpu")}
    assert len(names) == 4
    assert {row.device for row in summary.read(tmp_path / "out" / "summary.csv")} == {"cuda"}
    assert choose_device(threads, "cpu") == "cpu"


@pytest.mark.parametrize("windows", [2, 99])
def test_workers_give_the_memory_of_the_network_back_also_after_errors(
    threads: Client, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, windows: int
) -> None:
    held: list[int] = []
    done: list[int] = []

    class Holding:
        def __call__(self, batch: np.ndarray) -> np.ndarray:
            done.append(1)
            held.append(1)
            if len(done) > windows:
                raise NusegError("broken")
            return dark_network(batch)

        def release(self) -> None:
            held.clear()

    monkeypatch.setattr(tasks, "load_engine", lambda _model, _device, _cores: Holding())
    inputs = tmp_path / "in"
    inputs.mkdir()
    make_slide(inputs / "s.tif", 200)
    tasks._load.cache_clear()
    result = run(inputs, tmp_path / "out", model, threads, device="cpu")
    tasks._load.cache_clear()
    assert ("broken" in result.rows[0].error) == (windows == 2)
    assert len(done) > 2
    assert held == []


@pytest.mark.parametrize("what", ["nuseg", "model", "folder"])
def test_a_worker_that_is_unfit_ends_the_run_with_the_reason(
    threads: Client, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    expected = {
        "nuseg": f"has nuseg {version('nuseg')}, expected 9.9; install the same everywhere",
        "model": "is another one there",
        "folder": "does not see",
    }[what]
    match what:
        case "nuseg":
            monkeypatch.setattr(module, "version", lambda _name: "9.9")
        case "model":
            monkeypatch.setattr(tasks, "model_fingerprint", lambda _config: "other")
            monkeypatch.setattr("nuseg.segmentation.folder.order_model", lambda model, quality, device, threads:
                                tasks.ModelOrder(str(model.path), quality, "mine", device, threads))  # fmt: skip
        case "folder":
            monkeypatch.setattr(tasks, "LONGEST_TOKEN", 0.0)
            monkeypatch.setattr(Path, "touch", lambda _path: None)
    inputs = make_images(tmp_path / "in", "a")
    with pytest.raises(NusegError, match="worker ") as caught:
        run(inputs, tmp_path / "out", model, threads, device="cpu")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert Records(tmp_path / "out").read() == {}


def test_workers_that_compute_otherwise_end_the_run(
    threads: Client, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nuclei of a slide would depend on who did which of its tiles."""
    monkeypatch.setattr(tasks, "arithmetic_of", lambda _engine: "cpu int8 avx2")
    monkeypatch.setattr("nuseg.segmentation.pipeline.arithmetic_of", lambda _engine: "cpu int8 vnni")
    inputs = tmp_path / "in"
    inputs.mkdir()
    make_slide(inputs / "s.tif", 200)
    with pytest.raises(NusegError, match=r"worker .*: computes networks otherwise \(cpu int8 avx2\) than .* use"):
        run(inputs, tmp_path / "out", model, threads, device="cpu")
    assert Records(tmp_path / "out").read() == {}


class Unspeakable(BaseException):
    """Cannot be pickled, and is no `Exception`."""

    def __reduce__(self) -> str:
        raise RecursionError


@pytest.mark.parametrize("failures", [1, 99])
def test_what_fails_is_tried_again_and_then_one_row(
    threads: Client, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    calls = tmp_path / "calls"  # the function goes to the workers by its code, with copies of all that it holds
    known = tasks.do_image

    def do_image(order: Any, job: Any) -> Any:
        with calls.open("a") as file:
            file.write("x")
        if len(calls.read_text()) <= failures:
            raise Unspeakable("the share was away")
        return known(order, job)

    monkeypatch.setattr(tasks, "do_image", do_image)
    result = run(make_images(tmp_path / "in", "a"), tmp_path / "out", model, threads, device="cpu")
    assert len(calls.read_text()) == (2 if failures == 1 else 1 + module.RETRIES)
    assert len(result.rows) == 1
    assert ("the share was away" in result.rows[0].error) == (failures > 1)


@pytest.mark.parametrize(("tiles", "workers"), [(0, 4), (1, 4), (7, 2), (64, 2), (1000, 3), (2401, 500)])
def test_ranges_cover_all_tiles_once(tiles: int, workers: int) -> None:
    ranges = ranges_of([1] * tiles, workers)
    assert [number for each in ranges for number in each] == list(range(tiles))
    assert all(0 < len(each) <= module.RANGE for each in ranges)
    assert len(ranges) >= min(tiles, module.RANGES_PER_THREAD * workers)


def test_ranges_keep_the_tiles_of_a_window_together() -> None:
    windows = [4, 4, 2, 1, 4, 9, 1]
    ranges = ranges_of(windows, 1)
    assert [number for each in ranges for number in each] == list(range(sum(windows)))
    ends = set(np.cumsum(windows).tolist())
    assert {each.stop for each in ranges} <= ends
    assert len(ranges) > 2


@pytest.mark.parametrize("address", ["local:", "local:0", "local:x", "local:-2", "local:99999", "local:\u0664"])
def test_numbers_of_processes_that_are_none(address: str) -> None:
    with pytest.raises(NusegError, match="expected local: and a number of processes"), connect(address):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x", "tcp://127.0.0.1:0"])
def test_a_scheduler_that_does_not_answer(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT", 0.3)
    with pytest.raises(NusegError, match="no scheduler answers there") as caught, connect(address):
        pass
    assert "\n" not in str(caught.value)


def test_an_asynchronous_client_is_refused(tmp_path: Path, model: Path) -> None:
    class Asynchronous:
        asynchronous = True

    with pytest.raises(NusegError, match="asynchronous"):
        run(make_images(tmp_path / "in", "a"), tmp_path / "out", model, Asynchronous())  # type: ignore[arg-type]


def test_a_run_ends_where_the_scheduler_takes_no_news(tmp_path: Path, model: Path) -> None:
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0") as cluster:
        client = Client(cluster)
        reach = Reach(client).__enter__()
        client.close()
        with pytest.raises(tasks.RunEnds, match="the cluster is gone"):
            reach.add(range(3))
