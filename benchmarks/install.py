"""What installing costs: seconds, megabytes by package, and how long nuseg takes to start.

    python benchmarks/install.py [EXTRA] [--trim] [--packages 12]

A fresh virtual environment in a temporary folder gets the package of this repository with the versions of
constraints.txt, and with the dependencies of EXTRA (such as `train`) where one is named. The seconds hold the
downloads, so they depend on the network and on pip's cache (PIP_NO_CACHE_DIR=1 switches it off).

`--trim` then deletes what a container can do without, see `SPARE`, and measures once more: nuseg still runs.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
TIMES = 5
IMPORT = "import time; start = time.perf_counter(); import nuseg; print(time.perf_counter() - start)"
IMAGE = """
from pathlib import Path
from nuseg.datasets.synthetic import synthetic_field
from nuseg.io.image import write_png
write_png(Path("small.png"), synthetic_field(512, 512, 1, mpp=0.25, nuclei_per_mm2=4000)[0])
"""
SIZES = """
from importlib.metadata import distributions
for one in distributions():
    print(one.name, sum(file.locate().stat().st_size for file in one.files or () if file.locate().is_file()))
"""
# Of the packages of others, what nuseg never loads: OpenVINO for devices and kinds of model that nuseg does not give
# it, and the packages' own tests. docs/how-to.md has the same list as one command.
SPARE = (
    "openvino/libs/libopenvino_intel_[gn]pu_*",
    "openvino/libs/cache.json",
    "openvino/libs/libopenvino_tensorflow*",
    "openvino/libs/libopenvino_p[ay]*_frontend*",
    "openvino/libs/libopenvino_gguf_frontend*",
    "openvino/libs/libopenvino_jax_frontend*",
    "pandas/tests",
    "scipy/**/tests",
    "numpy/**/tests",
    "skimage/**/tests",
    "networkx/**/tests",
)


def make_environment(folder: Path) -> Path:
    """Make a virtual environment with pip; gives its Python."""
    venv.create(folder, with_pip=True)
    return next(path for path in (folder / "bin/python", folder / "Scripts/python.exe") if path.exists())


def install(python: Path, extra: str | None) -> float:
    """Install this repository's package; gives the seconds."""
    wanted = f"{ROOT}[{extra}]" if extra else str(ROOT)
    pip = [str(python), "-m", "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt"), wanted]
    start = time.perf_counter()
    subprocess.run(pip, check=True)
    return time.perf_counter() - start


def ask(python: Path, code: str) -> str:
    """Run code in the environment, away from the source, and give what it prints."""
    run = subprocess.run([python, "-c", code], cwd=python.parent, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def site_packages(python: Path) -> Path:
    """The folder that packages are installed to."""
    return Path(ask(python, "import sysconfig; print(sysconfig.get_path('purelib'))"))


def megabytes(folder: Path) -> float:
    """Size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def sizes(python: Path) -> Counter[str]:
    """Bytes on disk of every package but pip's own, the compiled files of Python included."""
    pairs = (line.split() for line in ask(python, SIZES).splitlines())
    return Counter({name: int(size) for name, size in pairs if name not in ("pip", "setuptools")})


def start_up(python: Path) -> dict[str, str]:
    """Seconds of commands, by name: the best of `TIMES`, and how long the processor worked for it."""
    ask(python, IMAGE)
    segment = ["segment", "small.png", "-o", "results", "--mpp", "0.25", "--overwrite"]
    commands = {"nuseg --help": ["--help"], "nuseg segment, 512 x 512 px": segment}
    return {name: best([str(python), "-m", "nuseg", *words], python.parent) for name, words in commands.items()}


def best(command: list[str], folder: Path) -> str:
    """Run a command `TIMES` times, and write the seconds of the fastest."""
    found = []
    for _ in range(TIMES):
        before, start = os.times(), time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        took, after = time.perf_counter() - start, os.times()
        found.append((took, sum(after[2:4]) - sum(before[2:4])))
    took, worked = min(found)
    return f"{took:.2f} s, CPU {worked:.2f} s"


def trim(packages: Path) -> None:
    """Delete what `SPARE` names."""
    for pattern in SPARE:
        for path in list(packages.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extra", nargs="?")
    parser.add_argument("--trim", action="store_true")
    parser.add_argument("--packages", type=int, default=12, help="how many of the largest packages to list")
    given = parser.parse_args()
    name = f"nuseg[{given.extra}]" if given.extra else "nuseg"
    table = Table(name, "", title=f"installation, Python {sys.version_info[0]}.{sys.version_info[1]}, {sys.platform}")
    with tempfile.TemporaryDirectory() as folder:
        python = make_environment(Path(folder))
        packages = site_packages(python)
        empty = megabytes(packages)
        table.add_row("installing", f"{install(python, given.extra):.0f} s")
        large = sizes(python)
        started = start_up(python)
        imported = min(float(ask(python, IMPORT)) for _ in range(TIMES))
        table.add_row("packages", str(len(large)))
        table.add_row("size on disk", f"{megabytes(packages) - empty:.0f} MB", end_section=True)
        for package, size in large.most_common(given.packages):
            table.add_row(f"  {package}", f"{size / 1e6:.1f} MB")
        table.add_section()
        table.add_row(f"import nuseg, best of {TIMES}", f"{imported:.3f} s")
        for command, took in started.items():
            table.add_row(f"{command}, best of {TIMES}", took)
        if given.trim:
            trim(packages)
            table.add_section()
            table.add_row("size on disk, trimmed", f"{megabytes(packages) - empty:.0f} MB")
            for command, took in start_up(python).items():
                table.add_row(f"{command}, trimmed", took)
    Console().print(table)


if __name__ == "__main__":
    main()
