"""Runs over folders: names, restarts, failures."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Timer

import cv2
import numpy as np
import pandas as pd
import pytest

from dark_model import CONFIG, dark_network, save_dark_model
from nuseg.errors import NusegError
from nuseg.io.image import write_png
from nuseg.io.paths import same_name
from nuseg.model.store import Model
from nuseg.progress import Progress
from nuseg.results import summary
from nuseg.results.naming import result_name
from nuseg.results.records import MARKER, FolderLost, Record, Records
from nuseg.results.segmentation import Segmentation
from nuseg.segmentation import folder_run
from nuseg.segmentation.claims import Claims, process_lives
from nuseg.segmentation.folder import FolderResult, segment_folder
from nuseg.segmentation.folder_run import FolderRun
from nuseg.segmentation.jobs import Job, plan_jobs
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.segmenter import Segmenter
from slide_files import save_pyramid

MODEL = Model(CONFIG, Path("nowhere"))
SEGMENTER = Segmenter(MODEL, dark_network)
AT_40X = SegmentOptions(0.25)


def make_image(path: Path) -> Path:
    pixels = np.full((20, 30, 3), 255, np.uint8)
    pixels[5:15, 5:15] = 0
    write_png(path, pixels)
    return path


def begun_run(folder: Path, names: str) -> tuple[list[Path], FolderRun, Records]:
    """Images of these names, the run over them, and its folder, made by whoever came before."""
    images = [make_image(folder / f"{name}.png") for name in names]
    records = Records(folder / "out")
    records.begin()
    return images, FolderRun(plan_jobs(images), folder / "out", ["csv"], AT_40X), records


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/x.png", "a/y.png"], ["x", "y"]),
        (["a/x.png", "b/x.png", "b/z.png"], ["a_x", "b_x", "z"]),
        (["a/x.png", "a/x.tif"], ["x_png", "x_tif"]),
        (["a/X.png", "b/x.png"], ["a_X", "b_x"]),
        (["a/x.png", "a/x.tif", "b/x.png"], ["a_x_png", "a_x_tif", "b_x_png"]),
        (["a/x.1.png", "a/x.2.png"], ["x.1", "x.2"]),
    ],
)
def test_names_do_not_clash(paths: list[str], names: list[str]) -> None:
    assert [job.name for job in plan_jobs([Path(path) for path in paths])] == names


@pytest.mark.parametrize("paths", [["1/a/x.png", "2/a/x.png"], ["a/x.png", "b/x.png", "c/a_x.png"]])
def test_images_that_cannot_be_told_apart(paths: list[str]) -> None:
    with pytest.raises(NusegError, match="would be named a_x"):
        plan_jobs([Path(path) for path in paths])


def test_failures_do_not_stop_the_rest(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(b"no image")
    images = [make_image(tmp_path / "a.png"), tmp_path / "b.png", tmp_path / "c.png", make_image(tmp_path / "d.png")]
    work = FolderRun(plan_jobs(images), tmp_path / "out", ["csv"], AT_40X)
    rows = list(work.run(SEGMENTER, work.jobs))
    assert [bool(row.error) for row in rows] == [False, True, True, False]
    assert "b.png" in rows[1].error
    assert "c.png" in rows[2].error
    assert rows[0].nuclei == 1
    assert rows[0].mask_fraction == pytest.approx(100 / 600)
    assert rows[0].mean_area_um2 == pytest.approx(6.25)
    assert [row.name for row in summary.read(tmp_path / "out" / "summary.csv")] == ["a", "b", "c", "d"]
    assert sorted(path.name for path in (tmp_path / "out" / "csv").iterdir()) == ["a.csv", "d.csv"]


def test_a_bug_in_one_image_is_one_line(tmp_path: Path) -> None:
    def broken(batch: np.ndarray) -> np.ndarray:
        raise ZeroDivisionError("two\nlines")

    work = FolderRun(plan_jobs([make_image(tmp_path / "a.png")]), tmp_path / "out", ["csv"], AT_40X)
    (row,) = work.run(Segmenter(MODEL, broken), work.jobs)
    assert row.error == f"{tmp_path / 'a.png'}: unexpected ZeroDivisionError: two lines"


def test_notes_go_to_the_summary(tmp_path: Path) -> None:
    work = FolderRun(plan_jobs([make_image(tmp_path / "a.png")]), tmp_path / "out", ["csv"])
    (row,) = work.run(SEGMENTER, work.jobs)
    assert "0.25 um/px" in row.warning
    assert row.mpp_source == "default"


def test_restart_does_only_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_run, "IMAGES_AT_ONCE", 1)
    images = [make_image(tmp_path / f"{name}.png") for name in "abcde"]
    work = FolderRun(plan_jobs(images), tmp_path / "out", ["csv", "mask"], AT_40X)
    assert work.undone(MODEL, {}) == work.jobs
    half = work.run(SEGMENTER, work.jobs)
    next(half)
    next(half)
    half.close()  # interrupted; c was begun while b was waited for, and is not lost
    records = Records(tmp_path / "out")
    assert work.undone(MODEL, records.read()) == [Job(images[3], "d"), Job(images[4], "e")]
    list(work.run(SEGMENTER, work.undone(MODEL, records.read())))
    rows = summary.read(tmp_path / "out" / "summary.csv")
    assert [row.name for row in rows] == ["a", "b", "c", "d", "e"]
    assert work.undone(MODEL, records.read()) == []


CHANGES = ["mpp", "threshold", "output", "content", "size", "deleted", "error", "damaged record"]


@pytest.mark.parametrize("change", CHANGES)
def test_what_makes_results_out_of_date(tmp_path: Path, change: str) -> None:
    image = make_image(tmp_path / "a.png")
    work = FolderRun(plan_jobs([image]), tmp_path / "out", ["csv"], AT_40X)
    list(work.run(SEGMENTER, work.jobs))
    records = Records(tmp_path / "out")
    assert work.undone(MODEL, records.read()) == []
    model = MODEL
    match change:
        case "mpp":
            work = replace(work, options=SegmentOptions(0.5))
        case "threshold":
            thresholds = CONFIG.thresholds.model_copy(update={"mask": 0.4})
            model = Model(CONFIG.model_copy(update={"thresholds": thresholds}), MODEL.path)
        case "output":
            work = replace(work, outputs=["csv", "mask"])
        case "content":  # of the same size and time, so that neither tells
            state, content = image.stat(), bytearray(image.read_bytes())
            content[-1] ^= 1
            image.write_bytes(content)
            os.utime(image, ns=(state.st_atime_ns, state.st_mtime_ns))
        case "size":
            state = image.stat()
            image.write_bytes(image.read_bytes() + b"0")
            os.utime(image, ns=(state.st_atime_ns, state.st_mtime_ns))
        case "deleted":
            (tmp_path / "out" / "csv" / "a.csv").unlink()
        case "error":
            record = records.get("a")
            assert record is not None
            records.keep(replace(record, row=replace(record.row, error="bad")))
        case "damaged record":
            (tmp_path / "out" / MARKER / "images" / "a.json").write_text('{"row": {"name": 1}}')
    assert work.undone(model, records.read()) == list(work.jobs)


def test_a_file_that_was_only_touched_or_copied_is_not_done_again(tmp_path: Path) -> None:
    image = make_image(tmp_path / "a.png")
    work = FolderRun(plan_jobs([image]), tmp_path / "out", ["csv"], AT_40X)
    list(work.run(SEGMENTER, work.jobs))
    for seconds in (1e9, 4e9):  # long before the results, long after them
        content = image.read_bytes()
        image.unlink()
        image.write_bytes(content)
        os.utime(image, (seconds, seconds))
        assert work.undone(MODEL, Records(tmp_path / "out").read()) == []


def test_settings_are_worked_out_once_for_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Model] = []
    settings = FolderRun.settings
    monkeypatch.setattr(FolderRun, "settings", lambda self, model: calls.append(model) or settings(self, model))
    work = FolderRun(plan_jobs([make_image(tmp_path / f"{n}.png") for n in "abc"]), tmp_path / "out", ["csv"], AT_40X)
    assert len(list(work.run(SEGMENTER, work.jobs))) == 3
    assert len(calls) == 1


def test_results_of_other_images_are_not_replaced(tmp_path: Path) -> None:
    first = FolderRun(plan_jobs([make_image(tmp_path / "one" / "a.png")]), tmp_path / "out", ["csv"], AT_40X)
    list(first.run(SEGMENTER, first.jobs))
    records = Records(tmp_path / "out").read()
    first.check_clashes(records)
    second = FolderRun(plan_jobs([make_image(tmp_path / "two" / "a.png")]), tmp_path / "out", ["csv"], AT_40X)
    with pytest.raises(NusegError, match="overwrite="):
        second.check_clashes(records)


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    work = FolderRun(plan_jobs([make_image(tmp_path / "a.png")]), tmp_path / "out", ["csv"], AT_40X)
    with pytest.raises(NusegError, match="out"):
        next(work.run(SEGMENTER, work.jobs))


def test_a_slide_goes_on_where_it_stopped_and_leaves_no_checkpoint(tmp_path: Path) -> None:
    """A failure while results are written costs no tile."""
    path = save_pyramid(tmp_path / "s.tif", np.zeros((256, 256, 3), np.uint8), (1, 2), compression=None)
    work = FolderRun(plan_jobs([path]), tmp_path / "out", ["csv"], SegmentOptions(0.25, tissue=False, tile=64))
    assert work.jobs == [Job(path, "s")]
    states: list[Progress] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Segmentation, "save", lambda *_: (_ for _ in ()).throw(NusegError("disk full")))
        (row,) = work.run(SEGMENTER, work.jobs, progress=states.append)
    assert row.error == "disk full"
    assert len(states) == 9, "three along each side: those at the border are larger"
    assert (tmp_path / "out" / "s.partial").is_dir()
    (row,) = work.run(SEGMENTER, work.jobs, progress=states.append)
    assert (row.error, row.nuclei) == ("", 1)
    assert len(states) == 9, "tiles that were done were done again"
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [MARKER, "csv", "summary.csv"]


def test_segment_folder_tells_and_skips(tmp_path: Path) -> None:
    model = save_dark_model(tmp_path / "dark")
    for name in "ab":
        make_image(tmp_path / "in" / f"{name}.png")
    (tmp_path / "in" / "c.png").write_bytes(b"no image")
    told: list[tuple[str, int, int]] = []
    said: list[str] = []

    def segment(**options: object) -> FolderResult:
        return segment_folder(
            [tmp_path / "in", tmp_path / "none.png"], tmp_path / "out", ["csv"], mpp=0.25, model=model,
            each=lambda row, done, total: told.append((row.name, done, total)), said=said.append, **options,
        )  # fmt: skip

    first = segment()
    assert told == [("a", 1, 3), ("b", 2, 3), ("c", 3, 3)]
    assert [row.name for row in first.rows if not row.error] == ["a", "b"]
    assert [row.name for row in first.failed] == ["c"]
    assert first.skipped == 0
    assert len(first.missing) == 1
    assert "none.png" in first.missing[0]
    assert said == [f"error: {first.missing[0]}"]
    assert first.summary == tmp_path / "out" / "summary.csv"
    again = segment()
    assert (again.skipped, [row.name for row in again.rows]) == (2, ["c"])
    assert segment(overwrite=True).skipped == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [({"outputs": ["pdf"]}, "found pdf"), ({"mpp": 30.0}, "mpp="), ({"region": "1,2"}, "region="),
     ({"model": "nowhere"}, "nowhere")],
)  # fmt: skip
def test_segment_folder_refuses_wrong_options_before_it_begins(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    image = make_image(tmp_path / "a.png")
    with pytest.raises(NusegError, match=message):
        segment_folder(image, tmp_path / "out", **options)
    assert not (tmp_path / "out" / "csv").exists()


@pytest.mark.parametrize(
    "names",
    [
        ("caf\u00e9.png", "cafe\u0301.png"),
        ("A.png", "a.png"),
        ("STRASSE.png", "stra\u00dfe.png"),
        ("x" * 251 + ".png", "x" * 250 + "y.png"),
        ("\u6838" * 83 + "1.png", "\u6838" * 83 + "2.png"),
        ("bad\udcff.png", "bad\udcfe.png"),
        ("line\n.png", "line\t.png"),
    ],
)
def test_names_that_some_system_takes_for_one_are_told_apart(tmp_path: Path, names: tuple[str, str]) -> None:
    jobs = plan_jobs([tmp_path / name for name in names])
    assert len({same_name(job.name) for job in jobs}) == 2
    for job in jobs:
        job.name.encode()  # every format takes it
        assert job.name.isprintable()
        assert len(job.name.encode()) < 230
    assert [job.name for job in plan_jobs([tmp_path / names[0]])] == [result_name(Path(names[0]).stem)]


def test_images_with_difficult_names_are_done_and_summed_up(tmp_path: Path) -> None:
    names = [b"latin\xe9.png", "caf\u00e9.png".encode(), "cafe\u0301.png".encode(), b"two\nlines.png",
             b"~home.png", b"n" * 251 + b".png", b"esc\x1b[31m.png", b"[1].png"]  # fmt: skip
    images = []
    for name in names:
        made = make_image(tmp_path / "made.png")
        images.append(made.rename(tmp_path / os.fsdecode(name)))
    every = ["csv", "geojson", "labels", "mask", "overlay", "parquet", "geoparquet", "summary", "anndata"]
    work = FolderRun(plan_jobs(images), tmp_path / "out", every)
    rows = list(work.run(SEGMENTER, work.jobs))
    assert [row.error for row in rows] == [""] * len(names)
    table = pd.read_csv(tmp_path / "out" / "summary.csv", encoding="utf-8")
    assert len(table) == len(names)
    assert (table["nuclei"] == 1).all()
    assert str(tmp_path / "latin\\xe9.png") in set(table["image"])
    for output in every:
        assert len(list((tmp_path / "out" / output).iterdir())) == len(names)
    assert work.undone(MODEL, Records(tmp_path / "out").read()) == []


@pytest.mark.parametrize("error", [MemoryError(), RecursionError("deep"), SystemExit(3), ZeroDivisionError("\udcff")])
@pytest.mark.parametrize("where", ["is_slide", "engine"])
def test_whatever_an_image_raises_wherever_the_others_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, where: str
) -> None:
    def fail(image: object) -> bool:
        raise error

    images = [make_image(tmp_path / f"{name}.png") for name in "abc"]
    engine = dark_network
    if where == "engine":
        cv2.imwrite(str(images[1]), np.full((20, 30, 3), 77, np.uint8))
        engine = lambda batch: fail(batch) if (batch == 77).any() else dark_network(batch)  # noqa: E731
    elif isinstance(error, Exception):
        monkeypatch.setattr("nuseg.segmentation.work.is_slide", fail)
    work = FolderRun(plan_jobs(images), tmp_path / "out", ["csv"], AT_40X)
    rows = list(work.run(Segmenter(MODEL, engine), work.jobs))
    assert [bool(row.error) for row in rows] == [False, where == "engine", False]
    assert all("b.png: " in row.error and "\n" not in row.error for row in rows if row.error)
    assert len(summary.read(tmp_path / "out" / "summary.csv")) == 3


def test_a_folder_that_vanishes_ends_the_run(tmp_path: Path) -> None:
    images = [make_image(tmp_path / f"{number}.png") for number in range(6)]
    work = FolderRun(plan_jobs(images), tmp_path / "out", ["csv"], AT_40X)
    rows = work.run(SEGMENTER, work.jobs)
    next(rows)
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    with pytest.raises(FolderLost, match="out: the folder of results vanished"):
        list(rows)


def test_what_another_process_is_doing_is_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, work, records = begun_run(tmp_path, "abc")
    other = Claims(records)
    with monkeypatch.context() as patch:
        patch.setattr("nuseg.segmentation.claims.os.getpid", os.getppid)
        assert other.take("b", images[1])
    assert not Claims(records).take("b", images[1])
    said: list[str] = []
    assert [row.name for row in work.run(SEGMENTER, work.jobs, said=said.append)] == ["a", "c"]
    assert len(said) == 1
    assert f"1 image in work by another process, such as {images[1]}: left to it" in said[0]
    other.release("b")
    assert [row.name for row in work.run(SEGMENTER, work.undone(MODEL, records.read()))] == ["b"]


@pytest.fixture
def on_another_machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[Records, str, Path], Claims]:
    """Has an image claimed by a process of another machine."""
    monkeypatch.setattr("nuseg.segmentation.work.LOOK", 0.02)
    monkeypatch.setattr("nuseg.segmentation.claims.SILENT", 2.0)

    def claim(records: Records, name: str, image: Path) -> Claims:
        other = Claims(records)
        with monkeypatch.context() as patch:
            patch.setattr("nuseg.segmentation.claims.machine", lambda: "another")
            assert other.take(name, image)
        return other

    return claim


def test_what_a_machine_that_is_gone_was_doing_is_done_after_its_silence(
    tmp_path: Path, on_another_machine: Callable[[Records, str, Path], Claims]
) -> None:
    """A container that was killed has another name when it is started again."""
    images, work, records = begun_run(tmp_path, "abc")
    on_another_machine(records, "b", images[1])
    said: list[str] = []
    assert [row.name for row in work.run(SEGMENTER, work.jobs, said=said.append)] == ["a", "c", "b"]
    (note,) = said
    assert re.search(r"1 image in work by a process of another machine .*b\.png: without a sign .* within [12] s", note)


def test_what_a_machine_that_lives_is_doing_is_left_to_it(
    tmp_path: Path, on_another_machine: Callable[[Records, str, Path], Claims]
) -> None:
    """Until it gives a sign of life, which it does every half a minute."""
    images, work, records = begun_run(tmp_path, "ab")
    other = on_another_machine(records, "b", images[1])
    begun = time.monotonic()

    def hear(text: str) -> None:
        said.append(text)
        Timer(0.2, other.beat).start()

    said: list[str] = []
    assert [row.name for row in work.run(SEGMENTER, work.jobs, said=hear)] == ["a"]
    assert time.monotonic() - begun < 1.9
    assert "1 image in work by another process" in said[1]
    other.release("b")


def test_processes_of_other_containers_cannot_be_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """There the same number is another process, also where the machine has one name."""
    image = make_image(tmp_path / "a.png")
    records = Records(tmp_path / "out")
    records.begin()
    with monkeypatch.context() as patch:
        patch.setattr("nuseg.segmentation.claims.machine", lambda: f"{socket.gethostname()} other container")
        patch.setattr("nuseg.segmentation.claims.os.getpid", lambda: 2**22 + 1)
        assert Claims(records).take("a", image)
    assert not Claims(records).take("a", image), "it may live"


def test_a_slide_is_recorded_before_what_is_kept_of_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is killed in between has lost nothing; nor has who has no room for the record."""
    slide = make_image(tmp_path / "a.tif")
    monkeypatch.setattr("nuseg.segmentation.work.is_slide", lambda _path: True)
    work = FolderRun(plan_jobs([slide]), tmp_path / "out", ["csv"], AT_40X)
    keep, kept = Records.keep, list[bool]()

    def full(self: Records, record: Record) -> None:
        kept.append((tmp_path / "out" / "a.partial").is_dir())
        if len(kept) < 3:
            raise NusegError("no room")
        keep(self, record)

    monkeypatch.setattr(Records, "keep", full)
    (row,) = work.run(SEGMENTER, work.jobs)
    assert row.error == "no room"
    assert (tmp_path / "out" / "a.partial").is_dir()
    (row,) = work.run(SEGMENTER, work.jobs)
    assert row.error == ""
    assert kept == [True, True, True]
    assert not (tmp_path / "out" / "a.partial").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say")
def test_a_process_that_ended_is_dead_also_where_nobody_waited_for_it() -> None:
    """As in containers, whose first process often does not."""
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    assert process_lives(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not process_lives(process.pid)
    process.communicate()
    assert not process_lives(process.pid)


def test_what_another_process_did_in_the_meantime_is_not_done_again(tmp_path: Path) -> None:
    images = [make_image(tmp_path / f"{name}.png") for name in "ab"]
    work = FolderRun(plan_jobs(images), tmp_path / "out", ["csv"], AT_40X)
    assert len(list(work.run(SEGMENTER, work.jobs))) == 2
    assert list(work.run(SEGMENTER, work.jobs)) == []
    assert len(list(replace(work, overwrite=True).run(SEGMENTER, work.jobs))) == 2


def test_an_image_that_two_processes_did_not_survive_is_left_out(tmp_path: Path) -> None:
    """What a dead process leaves behind: a claim with the number of a process that is no more."""
    images, work, records = begun_run(tmp_path, "abc")
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()

    def die_at_a(deaths: int) -> None:
        claims = Claims(records)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("nuseg.segmentation.claims.os.getpid", lambda: process.pid)
            assert claims.take("a", images[0], deaths)

    die_at_a(0)
    said: list[str] = []
    assert [row.name for row in work.run(SEGMENTER, work.jobs, said=said.append)] == ["b", "c", "a"]
    assert "ended without a word" in said[0]
    assert str(images[0]) in said[0]
    records.keep(Record(replace(records.read()["a"].row, error="once more")))
    die_at_a(1)
    (row,) = work.run(SEGMENTER, work.undone(MODEL, records.read()))
    assert "a.png: the process died 2 times" in row.error
    assert summary.read(tmp_path / "out" / "summary.csv")[0].error == row.error
    (row,) = work.run(SEGMENTER, work.undone(MODEL, records.read()))
    assert "died 2 times" in row.error, "it is not tried again and again"
    again = replace(work, overwrite=True)
    (row,) = again.run(SEGMENTER, [job for job in work.jobs if job.name == "a"])
    assert row.error == ""


def test_progress_of_a_slide_excuses_a_death(tmp_path: Path) -> None:
    """A slide that takes longer than a job may last is not to blame when its job is killed."""
    image = make_image(tmp_path / "a.png")
    records = Records(tmp_path / "out")
    records.begin()
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nuseg.segmentation.claims.os.getpid", lambda: process.pid)
        assert Claims(records).take("a", image, 1)
    assert Claims(records).deaths("a", image) == 2
    part = tmp_path / "out" / "a.partial" / "tile-0000000.npz"
    part.parent.mkdir()
    part.touch()
    assert Claims(records).deaths("a", image) == 0


def test_summaries_of_older_versions_are_kept(tmp_path: Path) -> None:
    image = make_image(tmp_path / "in" / "b.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "summary.csv").write_text(
        "name,image,nuclei,model,settings,warning,error\na,/x/a.png,7,m,01234567,,\n../evil,/x/e.png,1,m,0,,\n"
    )
    work = FolderRun(plan_jobs([image]), tmp_path / "out", ["csv"], AT_40X)
    list(work.run(SEGMENTER, work.jobs))
    rows = summary.read(tmp_path / "out" / "summary.csv")
    assert [(row.name, row.nuclei) for row in rows] == [("../evil", 1), ("a", 7), ("b", 1)]
    inside = tmp_path / "out" / MARKER / "images"
    assert len(list(inside.iterdir())) == 3
    assert not (inside.parent / "evil.json").exists()


def test_own_results_are_no_input(tmp_path: Path) -> None:
    model = save_dark_model(tmp_path / "dark")
    project = tmp_path / "proj"
    make_image(project / "a.png")
    make_image(project / "mask" / "own.png")  # a folder of the user's that is named as one of results
    for out in ("results", "results", "elsewhere"):
        said: list[str] = []
        segment_folder(f"{project}/**/*.png", project / out, ["mask", "overlay"], mpp=0.25, model=model,
                       said=said.append)  # fmt: skip
        names = [row.name for row in summary.read(project / out / "summary.csv")]
        assert names == ["a", "own"]
    assert said == [f"note: 4 files that nuseg wrote, such as {project / 'results' / 'mask' / 'a.png'}: left out"]
    (project / "results").rename(project / "older")
    files = sorted(project.rglob("*.png"))  # as a shell expands a pattern
    again = segment_folder(files, project / "elsewhere", ["mask", "overlay"], mpp=0.25, model=model)
    assert (again.rows, again.skipped) == ([], 2)
    assert "8 files that nuseg wrote" in again.notes[0]
    shutil.rmtree(project / "older" / MARKER)  # copied without hidden files: the summary tells
    only = segment_folder(project / "older" / "mask", tmp_path / "new", mpp=0.25, model=model)
    assert only.rows == []
    assert "only 2 files that nuseg wrote" in only.missing[0]
