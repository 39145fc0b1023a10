"""`nuseg export --to bioimageio`, as users give it."""

from pathlib import Path

import pytest
from command_line import run_cli

from dark_model import save_dark_model


def test_a_run_becomes_a_package_that_nuseg_can_use(tmp_path: Path) -> None:
    pytest.importorskip("bioimageio.core", reason="needs nuseg[bioimageio]")
    save_dark_model(tmp_path / "run" / "model")
    words = ["--to", "bioimageio", "--name", "kidney", "--author", "A. Author", "--author", "B"]
    done = run_cli("export", tmp_path / "run", "-o", tmp_path / "kidney", *words)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"package: {tmp_path / 'kidney'} (bioimageio.core has checked and run it)\n"
    again = run_cli("export", tmp_path / "kidney", "-o", tmp_path / "kidney", *words)
    assert again.code == 1
    assert "not empty" in again.err
    assert "kidney" in (tmp_path / "kidney" / "README.md").read_text()


def test_a_file_in_the_way_stays(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("mine")
    done = run_cli("export", "fast", "-o", tmp_path / "a.zip", "--to", "bioimageio")
    assert (done.code, done.out) == (1, "")
    assert done.err == f"error: {tmp_path / 'a.zip'}: is there already: choose a new name\n"
    assert (tmp_path / "a.zip").read_text() == "mine"


def test_an_unknown_target_is_refused(tmp_path: Path) -> None:
    done = run_cli("export", "fast", "-o", tmp_path / "a", "--to", "fiji")
    assert done.code == 2
    assert "'nuseg', 'bioimageio'" in done.err
