"""The script for SLURM, the process of Nextflow and the image of a container that the documentation shows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dark_model import save_dark_model
from nuseg.io.image import write_png
from nuseg.results import summary

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "cluster"
BASH = shutil.which("bash")
needs_bash = pytest.mark.skipif(BASH is None or sys.platform == "win32", reason="needs bash")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a model, images, and a program `nuseg` in `bin`."""
    save_dark_model(tmp_path / "dark")
    pixels = np.full((40, 50, 3), 255, np.uint8)
    pixels[5:15, 5:15] = 0
    for name in "abcde":
        write_png(tmp_path / "my slides" / f"{name}.png", pixels)
    program = tmp_path / "bin" / "nuseg"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m nuseg "$@"\n')
    program.chmod(0o755)
    return tmp_path


def start(place: Path, words: list[str], **variables: str) -> "subprocess.Popen[str]":
    """Start a script as a task of a cluster."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **variables}
    environment["PATH"] = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    assert BASH is not None
    return subprocess.Popen(
        [BASH, *words], cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def check_all_were_done(place: Path, tasks: "list[subprocess.Popen[str]]") -> None:
    said = [task.communicate(timeout=120)[0] for task in tasks]
    assert [task.returncode for task in tasks] == [0] * len(tasks), said
    rows = summary.read(place / "out" / "summary.csv")
    assert [(row.name, row.nuclei, row.error) for row in rows] == [(name, 1, "") for name in "abcde"]
    assert sum("nuclei, summary in" in text for text in said) == len(tasks), said


@needs_bash
def test_tasks_of_a_job_array_do_all_slides_together(place: Path) -> None:
    tasks = [
        start(
            place,
            [str(FOLDER / "segment.slurm"), "my slides", "out", "--model", "dark", "--mpp", "0.25", "--output", "csv"],
            SLURM_ARRAY_TASK_ID=str(number),
            SLURM_ARRAY_TASK_COUNT="2",
            SLURM_CPUS_PER_TASK="1",
        )
        for number in (1, 2)
    ]
    check_all_were_done(place, tasks)


def test_the_script_asks_slurm_for_what_it_uses() -> None:
    text = (FOLDER / "segment.slurm").read_text(encoding="utf-8")
    head, _, body = text.partition("set -euo pipefail")
    asked = dict(re.findall(r"^#SBATCH --([a-z-]+)=(\S+)$", head, re.MULTILINE))
    assert asked.keys() >= {"array", "cpus-per-task", "mem", "time", "signal", "output"}
    assert asked["array"].startswith("1-"), "shards count from 1"
    assert "#SBATCH" not in body, "SLURM reads no further than the first command"
    assert text.startswith("#!/bin/bash\n")


@needs_bash
def test_the_process_of_nextflow_does_its_share(place: Path) -> None:
    """Nextflow puts values into the script, and runs it by bash in a folder of the task."""
    text = (FOLDER / "segment.nf").read_text(encoding="utf-8")
    script = re.search(r'"""\n(.*?)"""', text, re.DOTALL)
    assert script is not None
    options = f"--model '{place / 'dark'}' --mpp 0.25 --output csv"
    values = {"params.slides": f"{place}/my slides", "params.out": f"{place}/out", "params.shards": "2",
              "params.options": options, "task.cpus": "1"}  # fmt: skip
    tasks = []
    for shard in ("1", "2"):
        known = values | {"shard": shard}
        lines = re.sub(r"\$\{([\w.]+)\}", lambda found: known[found[1]], script[1])  # noqa: B023
        assert "$" not in lines
        (place / f"task{shard}.sh").write_text(lines)
        tasks.append(start(place, ["-ue", f"task{shard}.sh"]))
    check_all_were_done(place, tasks)
    assert set(re.findall(r"^params\.(\w+)", text, re.MULTILINE)) == {"slides", "out", "shards", "options"}
    assert text.count("{") == text.count("}")


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, each on one line."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def test_the_image_needs_an_index_of_packages_alone() -> None:
    found = instructions()
    assert {word for word, _ in found} <= {"ARG", "FROM", "COPY", "RUN", "ENV", "WORKDIR", "USER", "CMD"}
    runs = [rest for word, rest in found if word == "RUN"]
    assert not any(re.search(r"\b(apt|apt-get|apk|curl|wget|git|conda|npm)\b|https?://", run) for run in runs)
    assert any("-m pip install" in run and "-c /source/constraints.txt" in run for run in runs)
    assert ("ARG", "PIP_INDEX_URL") in found


def test_the_image_runs_as_a_user_without_rights_and_any_command() -> None:
    found = instructions()
    last = max(number for number, (word, _) in enumerate(found) if word == "FROM")
    final = dict(found[last + 1 :])
    assert int(final["USER"].split(":")[0]) > 0
    assert "ENTRYPOINT" not in final, "Nextflow starts a shell"
    assert "HOME=/tmp" in final["ENV"]
    assert final["CMD"] == '["nuseg", "--help"]'


def test_what_the_image_copies_is_there_and_sent() -> None:
    sent = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from"):
            for name in rest.split()[:-1]:
                assert (ROOT / name).exists(), name
                assert f"!{name}" in sent
