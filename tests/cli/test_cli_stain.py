"""`nuseg stain`, as users run it."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from command_line import check_one_error, check_usage_error, run_cli

from nuseg.io.image import write_png
from nuseg.io.opening import read_image
from nuseg.preprocess.stain import outputs
from nuseg.preprocess.stain.fit import StainFit
from slide_files import save_pyramid
from stained import OTHER, USUAL, field

GLASS = (236.0, 229.0, 238.0)
FILES = {
    "normalised": ".tif",
    "haematoxylin": ".png",
    "eosin": ".png",
    "comparison": ".png",
    "stain": ".json",
}


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return save_pyramid(tmp_path / "in" / "a.tif", field(120, 150, USUAL, GLASS), (1,), 0.4, "zlib")


@pytest.fixture(autouse=True)
def folder_of_images(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()


@pytest.mark.parametrize("method", ["macenko", "vahadane", "reinhard"])
def test_an_image_gets_the_look_of_the_reference(tmp_path: Path, image: Path, method: str) -> None:
    good = field(120, 150, OTHER)
    write_png(tmp_path / "good.png", good)
    out = tmp_path / "out"
    done = run_cli("stain", image, "-o", out, "--method", method, "--reference", tmp_path / "good.png")
    assert done.code == 0, done
    assert files_in(out) == {f"{what}/a{suffix}" for what, suffix in FILES.items()}
    normalised = read_image(out / "normalised" / "a.tif")
    assert normalised.mpp == pytest.approx(0.4)
    assert (normalised.pixels[:, 110:] == 255).all()
    assert np.abs(normalised.pixels[:, :100].mean(axis=(0, 1)) - good[:, :100].mean(axis=(0, 1))).max() < 6
    found = StainFit.load(out / "stain" / "a.json")
    assert found.method == method
    assert found.white == pytest.approx(GLASS, abs=1)


def test_a_fit_is_a_reference_for_others(tmp_path: Path, image: Path) -> None:
    assert run_cli("stain", image, "-o", tmp_path / "out").code == 0
    write_png(tmp_path / "in" / "b.png", field(120, 150, OTHER))
    fit = tmp_path / "out" / "stain" / "a.json"
    assert run_cli("stain", tmp_path / "in" / "b.png", "-o", tmp_path / "out2", "--reference", fit).code == 0
    check_one_error(
        run_cli("stain", image, "-o", tmp_path / "out3", "--reference", fit, "--method", "vahadane"),
        "a.json",
        "macenko",
        "--method vahadane",
    )


def test_bad_images_do_not_end_a_run(tmp_path: Path, image: Path) -> None:
    (tmp_path / "in" / "broken.png").write_bytes(image.read_bytes()[:100])
    write_png(tmp_path / "in" / "glass.png", np.full((50, 60, 3), 240, np.uint8))
    out = tmp_path / "out"
    done = run_cli("stain", tmp_path / "in", tmp_path / "none.png", "-o", out)
    assert done.code == 1
    assert len(done.errors) == 2
    assert any("broken.png" in line for line in done.errors)
    assert any("none.png" in line for line in done.errors)
    assert "glass.png: too little stain to be fitted" in done.err
    assert (read_image(out / "normalised" / "glass.tif").pixels == 240).all()
    assert files_in(out) == {f"{what}/{name}{end}" for what, end in FILES.items() for name in ("a", "glass")}
    assert "2 images" in done.out


def test_results_are_never_input(tmp_path: Path, image: Path) -> None:
    out = tmp_path / "in" / "out"
    assert run_cli("stain", image, "-o", out).code == 0
    before = files_in(out)
    again = run_cli("stain", tmp_path / "in" / "**" / "*.*", "-o", out)
    assert again.code == 0, again
    assert "results are left out" in again.err
    assert files_in(out) == before


def test_of_a_large_slide_there_is_an_overview(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: Path) -> None:
    monkeypatch.setattr(outputs, "MIN_SLIDE_PIXELS", 1000)
    monkeypatch.setattr(outputs, "OVERVIEW", 75)
    monkeypatch.setattr(outputs, "DETAIL", 60)
    assert run_cli("stain", image, "-o", tmp_path / "out").code == 0
    normalised = read_image(tmp_path / "out" / "normalised" / "a.tif")
    assert normalised.pixels.shape == (60, 75, 3)
    assert normalised.mpp == pytest.approx(0.8)
    assert read_image(tmp_path / "out" / "eosin" / "a.png").pixels.shape == (60, 75, 3)


def test_wrong_options_are_said_before_the_work(tmp_path: Path, image: Path) -> None:
    check_usage_error(run_cli("stain", image, "-o", tmp_path / "out", "--method", "sepia"), "sepia", "vahadane")
    check_one_error(run_cli("stain", image, "-o", tmp_path / "out", "--mpp", "25"), "--mpp")
    check_one_error(run_cli("stain", image, "-o", tmp_path / "out", "--reference", "none.png"), "none.png")
    check_one_error(run_cli("stain", image, "-o", image), "is a file")
    assert not (tmp_path / "out").exists()


def test_the_result_is_a_plain_tiff(tmp_path: Path, image: Path) -> None:
    assert run_cli("stain", image, "-o", tmp_path / "out").code == 0
    assert tifffile.imread(tmp_path / "out" / "normalised" / "a.tif").shape == (120, 150, 3)
