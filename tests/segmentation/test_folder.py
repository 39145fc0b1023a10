"""Runs over folders: names, restarts, failures."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dark_model import CONFIG, dark_network, save_dark_model
from nuseg.errors import NusegError
from nuseg.io.image import write_png
from nuseg.model.store import Model
from nuseg.progress import Progress
from nuseg.results import summary
from nuseg.results.segmentation import Segmentation
from nuseg.segmentation import folder
from nuseg.segmentation.folder import FolderResult, FolderRun, segment_folder
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
    monkeypatch.setattr(folder, "IMAGES_AT_ONCE", 1)
    images = [make_image(tmp_path / f"{name}.png") for name in "abcde"]
    work = FolderRun(plan_jobs(images), tmp_path / "out", ["csv", "mask"], AT_40X)
    assert work.undone(MODEL, []) == work.jobs
    half = work.run(SEGMENTER, work.jobs)
    next(half)
    next(half)
    half.close()  # interrupted; c was begun while b was waited for, and is not lost
    rows = summary.read(tmp_path / "out" / "summary.csv")
    assert work.undone(MODEL, rows) == [Job(images[3], "d"), Job(images[4], "e")]
    list(work.run(SEGMENTER, work.undone(MODEL, rows), rows))
    rows = summary.read(tmp_path / "out" / "summary.csv")
    assert [row.name for row in rows] == ["a", "b", "c", "d", "e"]
    assert work.undone(MODEL, rows) == []


@pytest.mark.parametrize("change", ["mpp", "threshold", "output", "image", "deleted", "error"])
def test_what_makes_results_out_of_date(tmp_path: Path, change: str) -> None:
    image = make_image(tmp_path / "a.png")
    work = FolderRun(plan_jobs([image]), tmp_path / "out", ["csv"], AT_40X)
    list(work.run(SEGMENTER, work.jobs))
    rows = summary.read(tmp_path / "out" / "summary.csv")
    assert work.undone(MODEL, rows) == []
    model = MODEL
    match change:
        case "mpp":
            work = replace(work, options=SegmentOptions(0.5))
        case "threshold":
            thresholds = CONFIG.thresholds.model_copy(update={"mask": 0.4})
            model = Model(CONFIG.model_copy(update={"thresholds": thresholds}), MODEL.path)
        case "output":
            work = replace(work, outputs=["csv", "mask"])
        case "image":
            later = (tmp_path / "out" / "csv" / "a.csv").stat().st_mtime + 10
            os.utime(image, (later, later))
        case "deleted":
            (tmp_path / "out" / "csv" / "a.csv").unlink()
        case "error":
            rows = [summary.Row("a", rows[0].image, settings=rows[0].settings, error="bad")]
    assert work.undone(model, rows) == list(work.jobs)


def test_results_of_other_images_are_not_replaced(tmp_path: Path) -> None:
    first = FolderRun(plan_jobs([make_image(tmp_path / "one" / "a.png")]), tmp_path / "out", ["csv"], AT_40X)
    list(first.run(SEGMENTER, first.jobs))
    rows = summary.read(tmp_path / "out" / "summary.csv")
    first.check_clashes(rows)
    second = FolderRun(plan_jobs([make_image(tmp_path / "two" / "a.png")]), tmp_path / "out", ["csv"], AT_40X)
    with pytest.raises(NusegError, match="overwrite="):
        second.check_clashes(rows)


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    work = FolderRun(plan_jobs([make_image(tmp_path / "a.png")]), tmp_path / "out", ["csv"], AT_40X)
    with pytest.raises(NusegError, match="out"):
        next(work.run(SEGMENTER, work.jobs))


def test_a_slide_goes_on_where_it_stopped_and_leaves_no_checkpoint(tmp_path: Path) -> None:
    """A failure while results are written costs no tile."""
    path = save_pyramid(tmp_path / "s.tif", np.zeros((256, 256, 3), np.uint8), (1, 2), compression=None)
    work = FolderRun(plan_jobs([path]), tmp_path / "out", ["csv"], SegmentOptions(0.25, tissue=False, tile=64))
    assert work.jobs == [Job(path, "s", slide=True)]
    states: list[Progress] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Segmentation, "save", lambda *_: (_ for _ in ()).throw(NusegError("disk full")))
        (row,) = work.run(SEGMENTER, work.jobs, progress=states.append)
    assert row.error == "disk full"
    assert len(states) == 16
    assert (tmp_path / "out" / "s.partial").is_dir()
    (row,) = work.run(SEGMENTER, work.jobs, progress=states.append)
    assert (row.error, row.nuclei) == ("", 1)
    assert len(states) == 16, "tiles that were done were done again"
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["csv", "summary.csv"]


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
