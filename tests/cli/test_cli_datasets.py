"""`nuseg datasets`, and `nuseg prepare` of public datasets, as a user runs them."""

from pathlib import Path

import pytest
from command_line import check_one_error, run_cli

from annotated import write_source
from nuseg import public_datasets
from nuseg.datasets.dataset import Dataset
from public_trees import TREES


def test_lists_all_with_licences() -> None:
    result = run_cli("datasets")
    assert result.code == 0, result.output
    for dataset in public_datasets.values():
        assert dataset.name in result.out
        assert dataset.citation in result.out
    assert "commercial use: forbidden" in result.out


@pytest.mark.parametrize("name", list(TREES))
def test_explains_one(name: str) -> None:
    result = run_cli("datasets", name)
    dataset = public_datasets[name]
    assert result.code == 0, result.output
    for fact in (dataset.licence, dataset.citation, dataset.split, dataset.layout, dataset.by_hand, dataset.address):
        assert fact in result.out
    assert ("--download" in result.out) == bool(dataset.downloads)


def test_prepares_by_name_and_warns_of_the_licence(tmp_path: Path) -> None:
    TREES["monuseg"](tmp_path / "given")
    result = run_cli("prepare", "MoNuSeg", "--from", tmp_path / "given", "-o", tmp_path / "out")
    assert result.code == 0, result.output
    assert "warning: the licence CC BY-NC-SA 4.0 forbids commercial use" in result.out
    assert "split: the authors' (3 train, 2 test)" in result.out
    assert "--split 1,0,0 for none" in result.out
    assert "groups: by the names of the authors" in result.out
    assert len(Dataset.load(tmp_path / "out").split("test")) == 2


def test_parts_can_be_given_one_by_one(tmp_path: Path) -> None:
    TREES["monuseg"](tmp_path / "given")
    parts = sorted((tmp_path / "given").iterdir())
    words = [word for part in parts for word in ("--from", part)]
    result = run_cli("prepare", "monuseg", *words, "-o", tmp_path / "out", "--split", "1,0,0")
    assert result.code == 0, result.output
    assert {item.split for item in Dataset.load(tmp_path / "out").items} == {"train", "test"}


def test_a_folder_of_a_known_name_is_still_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_source(tmp_path / "tnbc", ["a", "b", "c"])
    monkeypatch.chdir(tmp_path)
    result = run_cli("prepare", "tnbc", "-o", "out", "--mpp", 0.5)
    assert result.code == 0, result.output
    assert {item.mpp for item in Dataset.load(tmp_path / "out").items} == {0.5}


def test_a_name_alone_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_one_error(run_cli("prepare", "tnbc", "-o", "out"), "tnbc: no such folder", "--download, or --from")
    check_one_error(run_cli("prepare", "monuseg", "-o", "out"), "grand-challenge", "--from")


def test_another_name_lists_those_there_are(tmp_path: Path) -> None:
    result = run_cli("prepare", "monosac", "--from", tmp_path, "-o", tmp_path / "out")
    assert result.errors == [f"public dataset monosac: expected one of {', '.join(public_datasets)}"]


def test_options_that_do_not_apply_are_refused(tmp_path: Path) -> None:
    result = run_cli("prepare", "tnbc", "--from", tmp_path, "-o", tmp_path / "out", "--group-column", "x")
    assert result.errors[0].startswith("--group-column: is known of the public dataset tnbc")
