"""Facts that more than one of the project's files states."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
CI = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))


def test_citation_agrees_with_the_package() -> None:
    """The version is that of git tags, so it is the newest of the changelog, and before the first the one to come."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", changelog, re.MULTILINE)
    coming = PROJECT["tool"]["hatch"]["version"]["fallback-version"].removesuffix(".dev0")
    assert CITATION["version"] == (released or [coming])[0]
    assert CITATION["license"] == PROJECT["project"]["license"]


def test_ci_covers_every_system_and_begins_at_the_oldest_python() -> None:
    matrix = CI["jobs"]["test"]["strategy"]["matrix"]
    assert {system.split("-")[0] for system in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert PROJECT["project"]["requires-python"] == f">={matrix['python'][0]}"
    assert len(matrix["python"]) == 4


def test_ci_without_make_runs_what_make_runs() -> None:
    commands = CI["jobs"]["test"]["steps"][-1]["run"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    tests = next(line for line in commands.splitlines() if "pytest" in line)
    assert tests.removeprefix("python") in makefile
    assert "[train,dev]" in commands
    assert "[train,dev]" in makefile


def test_the_commit_hook_is_the_lint_target() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [hook["entry"] for repo in config["repos"] for hook in repo["hooks"]] == ["make lint"]


def test_every_tool_of_the_tests_is_pinned() -> None:
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().split()}
    optional = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *(name for extra in optional.values() for name in extra)]
    names = {name.split(">")[0].split("[")[0].lower().replace("_", "-") for name in wanted} - {"nuseg"}
    assert names - pinned == set()


def test_the_closing_line_says_what_was_skipped(tmp_path: Path) -> None:
    """In a plain clone there are no real images; tests that need them must not pass in silence."""
    absent = tmp_path / "absent"
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    (tmp_path / "test_some.py").write_text(
        "import pytest\n\ndef test_a(real_data): ...\n\ndef test_b(real_data): ...\n\n"
        "def test_c(): pytest.skip('of the weather')\n\ndef test_d(): ...\n"
    )
    environment = {**os.environ, "NUSEG_DATA": str(absent), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTEST_XDIST_WORKER", None)
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    real = f"2 because real images are absent: no folder {absent}; set NUSEG_DATA to theirs"
    assert done.stdout.splitlines()[-1] == f"skipped: {real}; 1 because of the weather"
