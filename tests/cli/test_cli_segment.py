"""`nuseg segment` from the command line, with a tiny real model."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import check_one_error, run_cli

from dark_model import save_dark_model
from nuseg.io.image import write_png
from nuseg.results.records import MARKER
from slide_files import save_pyramid


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_dark_model(tmp_path_factory.mktemp("model")).path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    pixels = np.full((40, 50, 3), 255, np.uint8)
    pixels[5:15, 5:15] = 0
    write_png(folder / "one.png", pixels)
    pixels[20:35, 20:40] = 30
    write_png(folder / "two.png", pixels)
    return folder


run = partial(run_cli, "segment")


REPORT = {"report.html", "report.csv", "report_groups.csv"}


def visible(folder: Path) -> set[str]:
    """What a folder holds beside the records of its images and the report, which is there too."""
    found = {path.name for path in folder.iterdir() if path.name != MARKER}
    assert found >= REPORT
    return found - REPORT


def test_folder_to_results(images: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(images, "-o", out, "--model", model, "--mpp", 0.25, "--threads", 1)
    assert result.code == 0, result.output
    assert "2 images: 3 nuclei" in result.output
    assert visible(out) == {"csv", "geojson", "labels", "mask", "overlay", "summary.csv"}
    table = pd.read_csv(out / "summary.csv").set_index("name")
    assert table["nuclei"].to_dict() == {"one": 1, "two": 2}
    assert table.loc["one", "nuclei_per_mm2"] == pytest.approx(1 / (0.0125 * 0.01))
    assert table.loc["two", "mean_area_um2"] == pytest.approx((100 + 300) / 2 / 16)
    assert set(table["mpp_source"]) == {"given by the user"}


def test_chosen_outputs(images: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(images, "-o", out, "--model", model, "--mpp", 0.25, "--output", "parquet, mask").code == 0
    assert visible(out) == {"mask", "parquet", "summary.csv"}


def test_second_run_skips_and_overwrite_does_not(images: Path, model: Path, tmp_path: Path) -> None:
    words = (images, "-o", tmp_path / "out", "--model", model, "--mpp", 0.25, "--output", "csv")
    assert "2 images: 3 nuclei" in run(*words).output
    again = run(*words)
    assert again.code == 0
    assert "2 images done before" in again.output
    assert "nuclei" not in again.output
    (images / "one.png").unlink()
    assert "1 image: 2 nuclei" in run(*words, "--overwrite").output
    assert len(pd.read_csv(tmp_path / "out" / "summary.csv")) == 2, "the row of an earlier image was lost"


def test_another_quality_is_another_result(images: Path, model: Path, tmp_path: Path) -> None:
    words = (images, "-o", tmp_path / "out", "--model", model, "--mpp", 0.25, "--output", "csv")
    assert "2 images: 3 nuclei" in run(*words).output
    assert "2 images: 3 nuclei" in run(*words, "--quality", "best").output
    assert "2 images done before" in run(*words, "--quality", "best").output
    settings = set(pd.read_csv(tmp_path / "out" / "summary.csv")["settings"])
    assert len(settings) == 1
    run(*words)
    assert settings.isdisjoint(pd.read_csv(tmp_path / "out" / "summary.csv")["settings"])


def test_bad_image_among_good_ones(images: Path, model: Path, tmp_path: Path) -> None:
    (images / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    result = run(images, "-o", tmp_path / "out", "--model", model, "--mpp", 0.25, "--output", "csv")
    assert result.code == 1
    assert result.err.count("error: ") == 1
    assert "bad.png" in result.err
    assert "1 image failed" in result.out
    assert sorted(path.name for path in (tmp_path / "out" / "csv").iterdir()) == ["one.csv", "two.csv"]


def test_missing_resolution_is_said_once(images: Path, model: Path, tmp_path: Path) -> None:
    result = run(images, "-o", tmp_path / "out", "--model", model, "--output", "csv")
    assert result.code == 0
    assert result.err.count("warning: ") == 1
    assert "2 images with a warning" in result.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--mpp", "9"], "--mpp"),
        (["--output", "masks"], "expected some of anndata, csv, density, "),
        (["--output", ""], "expected some of anndata, csv, density, "),
        (["--model", "no-such-model"], "no-such-model"),
        (["--device", "cuda"], "cuda"),
        (["--quality", "fast"], "quality fast is the model fast"),
    ],
)
def test_bad_settings_fail_before_the_work(
    images: Path, model: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    result = run(images, "-o", tmp_path / "out", "--model", model, *words)
    check_one_error(result, message)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words", [["--threads", "0"], ["--tile", "3"], ["--device", "tpu"], ["--mpp", "x"], ["--quality", "good"]]
)
def test_usage_errors(images: Path, tmp_path: Path, words: list[str]) -> None:
    assert run(images, "-o", tmp_path / "out", *words).code == 2


def test_no_such_image(model: Path, tmp_path: Path) -> None:
    result = run(tmp_path / "none.png", "-o", tmp_path / "out", "--model", model)
    assert result.code == 1
    assert f"error: {tmp_path / 'none.png'}: no such file" in result.err


def test_slides_beside_images(images: Path, model: Path, tmp_path: Path) -> None:
    pixels = np.full((600, 700, 3), 255, np.uint8)
    pixels[100:110, 50:60] = pixels[500:520, 600:620] = 0
    save_pyramid(images / "slide.tif", pixels, compression=None)
    words = (images, "-o", tmp_path / "out", "--model", model, "--mpp", 0.25, "--no-tissue", "--output", "csv")
    result = run(*words, "--region", "0,0,300,300")
    assert result.code == 0, result.err
    assert "3 images: 4 nuclei" in result.out
    assert pd.read_csv(tmp_path / "out" / "csv" / "slide.csv")["x_px"].tolist() == [55]
    assert "3 images done before" in run(*words, "--region", "0,0,300,300").out
    assert "3 images: 5 nuclei" in run(*words).out, "another region is another result"


def test_tissue_alone_is_the_default_above_a_size(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.full((600, 640, 3), 245, np.uint8)
    pixels[50:450, 50:450] = (225, 150, 190)
    pixels[200:220, 200:220] = (60, 30, 100)
    pixels[550:556, 600:606] = 20  # dirt on the glass
    write_png(tmp_path / "field.png", pixels)
    words = (tmp_path / "field.png", "--model", model, "--mpp", 0.5, "--output", "csv,tissue")

    def counts(name: str, *more: str) -> tuple[int, float]:
        result = run(*words, "-o", tmp_path / name, *more)
        assert (result.code, result.err) == (0, "")
        row = pd.read_csv(tmp_path / name / "summary.csv").iloc[0]
        return row["nuclei"], row["area_mm2"]

    assert counts("small") == (2, pytest.approx(0.096)), "0.096 mm2 is a field that somebody chose"
    asked, area = counts("asked", "--tissue")
    assert asked == 1
    assert area == pytest.approx(0.04, rel=0.15)
    monkeypatch.setattr("nuseg.segmentation.plan.TISSUE_FROM_MM2", 0.095)
    assert counts("large") == (asked, area)
    assert counts("all", "--no-tissue") == (2, pytest.approx(0.096))


def test_tiles_are_2048_or_more_unless_asked_and_change_nothing(images: Path, model: Path, tmp_path: Path) -> None:
    assert "2048" in next(line for line in run("--help").out.splitlines() if "--tile" in line)
    tables = []
    for number, more in enumerate([(), ("--tile", 64)]):
        out = tmp_path / str(number)
        assert run(images, "-o", out, "--model", model, "--mpp", 0.5, "--output", "csv", *more).code == 0
        tables.append([path.read_bytes() for path in sorted((out / "csv").iterdir())])
    assert tables[0] == tables[1]


def test_slides_get_a_table_by_default(model: Path, tmp_path: Path) -> None:
    pixels = np.full((300, 310, 3), 245, np.uint8)
    pixels[100:110, 50:60] = 0
    save_pyramid(tmp_path / "slide.tif", pixels, compression=None)
    assert run(tmp_path / "slide.tif", "-o", tmp_path / "out", "--model", model).code == 0
    written = visible(tmp_path / "out")
    assert written == {"csv", "density", "geojson", "geoparquet", "overview", "summary", "summary.csv", "tissue"}
    assert pd.read_csv(tmp_path / "out" / "csv" / "slide.csv")["x_px"].tolist() == [55]


def test_info(images: Path, tmp_path: Path) -> None:
    save_pyramid(images / "slide.tif", np.zeros((600, 700, 3), np.uint8), mpp=0.5)
    (images / "bad.svs").write_bytes(b"no slide")
    result = run_cli("info", images)
    assert result.code == 1
    assert "700 x 600 px" in result.out
    assert "read at 0.25 um/px │ interpolated by 2: 1400 x 1200 px" in result.out
    assert "0.25 um/px, default (assumed)" in result.out
    assert result.err.count("error: ") == 1
    assert "bad.svs" in result.err
