"""What nuseg does without a single optional package."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from annotated import field
from clean_clone import BASE, ROOT, link_packages, needed
from nuseg.io.image import write_png

OPTIONAL = ("pyarrow", "torch", "matplotlib", "anndata", "geopandas", "zarr", "h5py", "pooch", "requests")
# Runs the command lines that it is given, each as `nuseg` would, in one process; prints their exit codes.
RUN = """
import json, sys
from nuseg.cli import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["nuseg", *words]
    try:
        main()
    except SystemExit as end:
        print("exit", end.code or 0, *words[:1], flush=True)
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of a base install alone."""
    return link_packages(tmp_path_factory.mktemp("base") / "packages", needed(BASE))


def python(packages: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": f"{packages}:{ROOT / 'src'}", "PATH": "", "HOME": str(folder)}
    command = [sys.executable, "-S", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_a_base_install_has_no_optional_package(packages: Path, tmp_path: Path) -> None:
    code = f"from importlib.util import find_spec; print([name for name in {OPTIONAL} if find_spec(name)])"
    assert python(packages, tmp_path, "-c", code).stdout == "[]\n"


def test_commands_without_optional_packages(packages: Path, tmp_path: Path) -> None:
    pixels, truth = field(0)
    for number in range(3):
        write_png(tmp_path / "mydata" / "images" / f"a{number}.png", pixels[number:])
        write_png(tmp_path / "mydata" / "labels" / f"a{number}.png", truth[number:].astype("uint16"))
    segment = ["segment", "mydata/images/a0.png", "--mpp", "0.25"]
    commands = [
        [*segment, "-o", "results"],
        ["info", "mydata/images/a0.png"],
        ["formats"],
        ["prepare", "mydata", "-o", "dataset", "--mpp", "0.25", "--split", "0,0,1"],
        ["check", "dataset", "-o", "report", "--no-model"],
        ["evaluate", "dataset", "-o", "scores"],
        ["convert", "results", "-o", "coco.json", "--to", "coco"],
        ["stain", "mydata/images/a0.png", "-o", "stain"],
    ]
    done = python(packages, tmp_path, "-c", RUN, json.dumps(commands))
    ends = [line for line in done.stdout.splitlines() if line.startswith("exit")]
    assert ends == [f"exit 0 {words[0]}" for words in commands], done.stdout + done.stderr
    assert (tmp_path / "results" / "geojson" / "a0.geojson").is_file()


def test_what_needs_more_says_so_in_one_line(packages: Path, tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", field(0)[0])
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    segment = ["segment", "a.png", "-o", "results", "--mpp", "0.25"]
    commands = [
        [*segment, "--output", "geoparquet"],
        [*segment, "--output", "anndata"],
        [*segment, "--region", "a.parquet"],
        [*segment, "--device", "cuda"],
        ["export", "run1", "-o", "model"],
    ]
    done = python(packages, tmp_path, "-c", RUN, json.dumps(commands))
    wanted = ["parquet", "anndata", "parquet", "train", "train"]
    said = done.stderr.splitlines()
    assert len(said) == len(wanted), done.stderr
    for line, extra in zip(said, wanted, strict=True):
        assert line.startswith("error: ")
        assert f"pip install 'nuseg[{extra}]'" in line
    assert done.stdout.count("exit 1") == len(commands)
