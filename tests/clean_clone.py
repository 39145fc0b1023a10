"""A clone of the repository as it is now, and environments that hold no more than they should."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BASE = PROJECT["project"]["dependencies"]
BUILDS = [*PROJECT["build-system"]["requires"], "editables"]
NAME = ["-c", "user.name=nuseg", "-c", "user.email=nuseg@localhost"]


def run(words: Iterable[object], folder: Path, **environment: str) -> str:
    """Run a program in a folder; gives what it prints, and shows it if it fails."""
    done = subprocess.run(
        [str(word) for word in words], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}"
    return done.stdout


def clone(folder: Path, tag: str | None = None) -> Path:
    """Make a repository of the files that this one holds or would take up, as they are now."""
    if not (ROOT / ".git").exists():
        pytest.skip("there is no git repository here")
    listed = run(["git", "ls-files", "-co", "--exclude-standard", "-z"], ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
            (folder / name).chmod((ROOT / name).stat().st_mode)
    run(["git", "init", "-q", "-b", "main"], folder)
    run(["git", "add", "-A"], folder)
    run(["git", *NAME, "commit", "-q", "-m", "All"], folder)
    if tag is not None:
        run(["git", *NAME, "tag", "-m", tag, tag], folder)
    return folder


def needed(requirements: Iterable[str]) -> set[str]:
    """Names of the installed packages that requirements ask for, with those that these need, without extras."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        one = waiting.pop()
        name = re.sub(r"[-_.]+", "-", one.name).lower()
        if name in found or (one.marker is not None and not one.marker.evaluate({"extra": ""})):
            continue
        try:
            more = distribution(name).requires or ()
        except PackageNotFoundError:
            pytest.skip(f"{name} is not installed here; the extra dev has it")
        found.add(name)
        waiting += map(Requirement, more)
    return found


def link_packages(folder: Path, names: Iterable[str]) -> Path:
    """Make a folder for PYTHONPATH that has these packages alone, as links to those installed here."""
    if sys.platform == "win32":
        pytest.skip("links need a right of their own on Windows")
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        one = distribution(name)
        for part in {file.parts[0] for file in one.files or () if file.parts[0] not in ("..", "__pycache__")}:
            target = Path(str(one.locate_file(part)))
            if target.exists() and not (folder / part).exists():
                (folder / part).symlink_to(target)
    return folder
