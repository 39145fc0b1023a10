"""README runs line by line in a clean clone: its shell lines and its Python, in their order, as printed."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from clean_clone import BASE, BUILDS, PROJECT, ROOT, clone, link_packages, needed

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(nuseg|python|make|pip|\.) ")
# What is added to the training, so that it takes no minutes.
QUICK = " --set optimiser.epochs=1 --set optimiser.steps=1 --set data.batch=1 --set data.window=32 --set data.workers=0"
END = "__end of a command__"


def steps(text: str) -> list[tuple[str, str]]:
    """Commands and pieces of Python of a page in their order, each with what the page prints right after it, or ""."""
    found: list[tuple[str, str]] = []
    ends = 0
    for match in BLOCK.finditer(text):
        language, block = match.groups()
        follows = not text[ends : match.start()].strip()
        ends = match.end()
        lines = block.replace("\\\n", " ").splitlines()
        if language == "python":
            found.append((f"python - <<'PYTHON'\n{block}PYTHON", ""))
        elif language == "" and any(map(COMMAND.match, lines)):
            found += [(line, "") for line in lines if COMMAND.match(line)]
        elif language == "" and found and follows:
            found[-1] = found[-1][0], block.strip()
    return found


def environment_in(folder: Path, packages: set[str]) -> dict[str, str]:
    """Make `.venv` as `make` would, with packages that are installed here in place of those that pip would download.

    What `make` tells pip to install is then there but for nuseg itself, which pip installs without the network.
    """
    venv.create(folder / ".venv", with_pip=False)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    link_packages(folder / ".venv" / "lib" / version / "site-packages", packages)
    pip = {"PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "false"}
    kept = {name: os.environ[name] for name in ("OMP_NUM_THREADS", "LANG") if name in os.environ}
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "NO_COLOR": "1", **kept, **pip}


def run_steps(commands: list[tuple[str, str]], folder: Path, environment: dict[str, str]) -> None:
    """Run commands in one shell, and compare what they print with what the page says, numbers aside."""
    script = "\n".join(f"{command}\necho '{END}' $?" for command, _ in commands)
    done = subprocess.run(["bash"], input=script, cwd=folder, env=environment, capture_output=True, text=True)
    outputs = re.split(rf"{END} (\d+)\n", done.stdout)
    for (command, expected), printed, code in zip(commands, outputs[::2], outputs[1::2], strict=False):
        assert code == "0", f"{command}\n{printed}\n{done.stderr}"
        assert without_numbers(expected) in without_numbers(printed), command
    assert len(outputs) == 2 * len(commands) + 1, done.stderr


def without_numbers(text: str) -> str:
    return re.sub(r"\d+", "#", text)


def readme() -> tuple[str, str]:
    """README in two: what a base install runs, and from training on."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    first, heading, second = text.partition("## Train\n")
    assert heading
    return first, second


def test_readme_up_to_training_in_a_clean_clone(tmp_path: Path) -> None:
    packages = needed([*BASE, *BUILDS, "pip"])
    environment = environment_in(clone(tmp_path), packages)
    commands = steps(readme()[0])
    assert [command.split()[0] for command, _ in commands][:3] == ["make", ".", "nuseg"]
    assert commands[2][1].endswith("\npage: results/report.html")
    run_steps(commands, tmp_path, environment)
    for path in ("demo/index.html", "results/summary.csv", "results/overlay/tnbc.png", "results/report.html"):
        assert (tmp_path / path).is_file()


@pytest.mark.slow
def test_all_of_readme_in_a_clean_clone(tmp_path: Path) -> None:
    training = PROJECT["project"]["optional-dependencies"]["train"]
    environment = environment_in(clone(tmp_path), needed([*BASE, *training, *BUILDS, "pip"]))
    commands = [
        (re.sub(r"^nuseg train .*", lambda line: line[0].partition("#")[0] + QUICK, command), expected)
        for command, expected in steps("".join(readme()))
    ]
    assert sum(command.startswith("nuseg train") for command, _ in commands) == 1
    run_steps(commands, tmp_path, environment)
    for path in ("run1/model/model.json", "scores/summary.csv", "results-py/csv/tnbc.csv", "report/index.html"):
        assert (tmp_path / path).is_file()


def test_the_script_of_the_tutorial_is_the_one_in_the_repository() -> None:
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    script = (ROOT / "docs" / "make_images.py").read_text(encoding="utf-8")
    assert script.endswith("\n\n" + next(block for language, block in BLOCK.findall(page) if language == "python"))
