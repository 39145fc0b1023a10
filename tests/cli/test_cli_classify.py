"""`nuseg classify` as a user runs it."""

import json
from pathlib import Path

import pytest
from command_line import run_cli

from marked import segmented, write_marks


@pytest.fixture(scope="module")
def marked_case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli-classify")
    segmented(folder, ["csv", "geojson"])
    write_marks(folder / "marked")
    return folder


def test_classes_are_learned_and_told(marked_case: Path, tmp_path: Path) -> None:
    out = tmp_path / "classified"
    done = run_cli("classify", marked_case / "results", "--examples", marked_case / "marked", "-o", out)
    assert (done.code, done.errors) == (0, [])
    for word in ("precision", "small", "long", "marked \\ told", "mean F1", f"results: {out}"):
        assert word in done.out
    again = run_cli("classify", marked_case / "results", "--classifier", out / "classifier.json", "-o", tmp_path / "b")
    assert (again.code, again.errors) == (0, [])
    assert "precision" not in again.out
    assert (tmp_path / "b" / "csv" / "a.csv").read_bytes() == (out / "csv" / "a.csv").read_bytes()


def test_two_files_of_examples(marked_case: Path, tmp_path: Path) -> None:
    files = [word for name in "ab" for word in ("--examples", marked_case / "marked" / f"{name}.geojson")]
    words = ["--no-pixels", "--seed", "3", "--images", marked_case / "images"]
    done = run_cli("classify", marked_case / "results", *files, *words, "-o", tmp_path / "out")
    assert done.code == 0, done.output
    learning = json.loads((tmp_path / "out" / "classifier.json").read_text())["learning"]
    assert (set(learning["files"]), learning["seed"]) == ({"a.geojson", "b.geojson"}, 3)


@pytest.mark.parametrize("words", [[], ["--examples", "x", "--classifier", "y"]])
def test_one_of_two_options_has_to_be_given(marked_case: Path, tmp_path: Path, words: list[str]) -> None:
    done = run_cli("classify", marked_case / "results", *words, "-o", tmp_path / "out")
    assert done.code == 2
    assert "--examples" in done.err
    assert "--classifier" in done.err


def test_errors_speak_of_options(marked_case: Path, tmp_path: Path) -> None:
    results, marks = marked_case / "results", marked_case / "marked"
    same = run_cli("classify", results, "--examples", marks, "-o", results)
    assert same.code == 1
    assert same.errors == [f"{results}: the results themselves are there; choose another folder --out"]
    learned = run_cli("classify", results, "--examples", marks, "-o", tmp_path / "out")
    assert learned.code == 0
    elsewhere = run_cli(
        "classify", results, "--classifier", tmp_path / "out", "--images", tmp_path, "-o", tmp_path / "other"
    )
    assert elsewhere.code == 1
    assert all("--images" in line and "--no-pixels" not in line for line in elsewhere.errors)
    nothing = run_cli("classify", tmp_path / "nothing", "--examples", marks, "-o", tmp_path / "third")
    assert nothing.errors == [f"{tmp_path / 'nothing'}: expected a folder of results by nuseg segment, found nothing"]
