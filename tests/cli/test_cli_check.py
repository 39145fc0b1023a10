"""`nuseg check` as a user runs it."""

from pathlib import Path

import numpy as np
import pytest
from command_line import run_cli

from annotated import write_source
from nuseg.annotations.annotation import Annotation
from nuseg.annotations.formats.label_image import FORMAT as LABEL_IMAGE
from nuseg.datasets.dataset import Dataset, load_item
from nuseg.datasets.prepare import PrepareSettings, prepare
from nuseg.datasets.synthetic import synthetic_field
from nuseg.io.image import write_png


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two generated fields; in the second one a quarter is not annotated."""
    folder = tmp_path_factory.mktemp("check")
    for number in range(2):
        pixels, labels = synthetic_field(384, 384, 100 + number)
        if number:
            labels[:200, :200] = 0
        write_png(folder / "source" / "images" / f"f{number}.png", pixels)
        (folder / "source" / "labels").mkdir(exist_ok=True)
        LABEL_IMAGE.write(Annotation(labels), folder / "source" / "labels" / f"f{number}.png")
    prepare(folder / "source", folder / "dataset", PrepareSettings(mpp=0.25, split=(1, 0, 0)))
    return folder / "dataset"


def test_shipped_model_finds_what_is_not_annotated(dataset: Path, tmp_path: Path) -> None:
    done = run_cli("check", dataset, "-o", tmp_path / "report", "--quality", "fast", "--device", "cpu")
    assert done.code == 0, done.output
    lines = [line for line in done.out.splitlines() if line.startswith("warning: ")]
    assert any(line.startswith("warning: unannotated: f1: ") for line in lines), done.out
    assert not any(" f0" in line for line in lines), done.out
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"index.html", "findings.csv", "findings.json"}
    assert f"page: {tmp_path / 'report' / 'index.html'}" in done.out


def test_strict(dataset: Path, tmp_path: Path) -> None:
    labels = load_item(Dataset.load(dataset).items[0])[1]
    assert labels.any()
    words = ("check", dataset, "-o", tmp_path, "--no-model", "--strict", "--only")
    assert run_cli(*words, "holes, blur").code == 0
    name = next(item for item in Dataset.load(dataset).items if item.name == "f1")
    LABEL_IMAGE.write(Annotation(np.roll(load_item(name)[1], 7, axis=0)), name.label)
    done = run_cli(*words, "shift")
    assert done.code == 1
    assert "warning: shift: f1: labels lie beside the nuclei: " in done.out
    assert run_cli(*words[:-2], "--only", "shift").code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--only", "colour"), "check colour: expected one of blur, classes, cut"),
        (("--no-model", "--quality", "best"), "give --no-model, or --model and --quality, not both"),
        (("--model", "nowhere"), "model nowhere: expected a shipped model"),
    ],
)
def test_bad_options(dataset: Path, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    done = run_cli("check", dataset, "-o", tmp_path / "report", *words)
    assert done.code != 0
    assert told in done.err
    assert not (tmp_path / "report").exists()


def test_folder_that_is_no_dataset(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source", ["a", "b"])
    done = run_cli("check", source, "-o", tmp_path / "report", "--no-model")
    assert done.code == 1
    assert done.errors == [f"{source}: is no nuseg dataset (no dataset.json); make one of it with `nuseg prepare`"]


def test_out_is_a_file(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "report").write_text("")
    done = run_cli("check", dataset, "-o", tmp_path / "report", "--no-model")
    assert done.code == 1
    assert "it is a file" in done.err
