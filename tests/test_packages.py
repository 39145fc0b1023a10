"""The built packages: what is in them, which version they have, and that the wheel works where it alone is."""

import os
import subprocess
import sys
import tarfile
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from clean_clone import BASE, BUILDS, clone, link_packages, needed, run

TAG = "v98.7.6"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the sdist and the wheel of a clone that has a tag."""
    needed([*BUILDS, "build"])
    folder = clone(tmp_path_factory.mktemp("built"), TAG)
    run([sys.executable, "-m", "build", "--no-isolation"], folder)
    return folder / "dist"


def version_of(folder: Path) -> str:
    """The version that files have, by the build's own tool."""
    needed([*BUILDS, "build"])
    return run([sys.executable, "-m", "hatchling", "version"], folder).strip()


def test_the_version_is_that_of_the_tag(built: Path) -> None:
    assert {path.name for path in built.iterdir()} == {"nuseg-98.7.6-py3-none-any.whl", "nuseg-98.7.6.tar.gz"}


def test_a_clone_without_tags_has_a_version_of_its_commit(tmp_path: Path) -> None:
    version = version_of(clone(tmp_path))
    commit = run(["git", "rev-parse", "--short", "HEAD"], tmp_path).strip()
    assert version.startswith("0.1.0.dev")
    assert f"+g{commit}" in version


def test_an_sdist_keeps_its_version_without_git(built: Path, tmp_path: Path) -> None:
    with tarfile.open(built / "nuseg-98.7.6.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    assert version_of(tmp_path / "nuseg-98.7.6") == "98.7.6"


def test_the_wheel_holds_the_whole_package_and_nothing_else(built: Path) -> None:
    listed = run(["git", "ls-files", "src/nuseg"], built.parent).splitlines()
    with ZipFile(built / "nuseg-98.7.6-py3-none-any.whl") as wheel:
        held = {name for name in wheel.namelist() if not name.startswith("nuseg-98.7.6.dist-info/")}
    assert held == {name.removeprefix("src/") for name in listed}


def test_the_sdist_holds_what_building_and_testing_need(built: Path) -> None:
    listed = set(run(["git", "ls-files"], built.parent).splitlines())
    with tarfile.open(built / "nuseg-98.7.6.tar.gz") as archive:
        held = {name.removeprefix("nuseg-98.7.6/") for name in archive.getnames()}
    unneeded = {name for name in listed if name.startswith((".ci/", ".github/", ".pre-commit"))}
    assert listed - unneeded - held == set()


def test_the_wheel_runs_the_demo_among_base_packages_alone(built: Path, tmp_path: Path) -> None:
    packages = link_packages(tmp_path / "packages", needed(BASE))
    with ZipFile(built / "nuseg-98.7.6-py3-none-any.whl") as wheel:
        wheel.extractall(packages)
    environment = {"PYTHONPATH": str(packages), "PATH": "", "HOME": str(tmp_path)}

    def nuseg(*words: str) -> str:
        command = [sys.executable, "-S", "-m", "nuseg", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert nuseg("--version") == "nuseg 98.7.6\n"
    assert "page: " in nuseg("demo", "-o", "demo")
    assert (tmp_path / "demo" / "index.html").stat().st_size > 10_000


@pytest.mark.slow
def test_pip_installs_the_wheel_from_the_index_and_it_runs_the_demo(built: Path, tmp_path: Path) -> None:
    """As users do it: an empty environment, and every dependency downloaded."""
    venv.create(tmp_path / "env", with_pip=True)
    programs = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    wheel, pins = built / "nuseg-98.7.6-py3-none-any.whl", built.parent / "constraints.txt"
    run([programs / "python", "-m", "pip", "install", "--quiet", "-c", pins, wheel], tmp_path)
    assert run([programs / "nuseg", "--version"], tmp_path) == "nuseg 98.7.6\n"
    assert "page: " in run([programs / "nuseg", "demo", "-o", "demo"], tmp_path)
