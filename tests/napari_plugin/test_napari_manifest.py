"""The manifest, as npe2 reads it, and where napari finds it."""

import tomllib
from pathlib import Path

import pytest
import yaml

import nuseg
from nuseg.io.find import SLIDE_SUFFIXES

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = Path(nuseg.__file__).parent / "napari_plugin" / "napari.yaml"


def test_npe2_takes_it_and_all_that_it_names_exists() -> None:
    npe2 = pytest.importorskip("npe2", reason="needs nuseg[napari]")
    pytest.importorskip("napari", reason="needs nuseg[napari]")
    manifest = npe2.PluginManifest.from_file(MANIFEST)
    manifest.validate_imports()
    assert manifest.name == "nuseg"
    used = {*(widget.command for widget in manifest.contributions.widgets or [])}
    used |= {reader.command for reader in manifest.contributions.readers or []}
    used |= {sample.command for sample in manifest.contributions.sample_data or []}
    assert used == {command.id for command in manifest.contributions.commands or []}


def test_napari_finds_it_by_the_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, file = project["entry-points"]["napari.manifest"][project["name"]].split(":")
    assert Path(nuseg.__file__).parent.parent.joinpath(*module.split("."), file) == MANIFEST
    assert yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["name"] == project["name"]


def test_every_slide_that_nuseg_reads_is_offered() -> None:
    readers = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["contributions"]["readers"]
    (patterns,) = (reader["filename_patterns"] for reader in readers if reader["command"] == "nuseg.read_slide")
    assert set(patterns) == {f"*{suffix}" for suffix in SLIDE_SUFFIXES}
