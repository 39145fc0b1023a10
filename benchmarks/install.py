"""What installing costs: seconds, megabytes on disk, packages, and how long `import nuseg` takes.

    python benchmarks/install.py [EXTRA]

A fresh virtual environment in a temporary folder gets the package of this repository with the versions of
constraints.txt, and with the dependencies of EXTRA (such as `train`) where one is named. The seconds hold the
downloads, so they depend on the network and on pip's cache (PIP_NO_CACHE_DIR=1 switches it off).
"""

import argparse
import subprocess
import tempfile
import time
import venv
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
IMPORTS = 5
IMPORT = "import time; start = time.perf_counter(); import nuseg; print(time.perf_counter() - start)"


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extra", nargs="?")
    extra = parser.parse_args().extra
    with tempfile.TemporaryDirectory() as folder:
        python = make_environment(Path(folder))
        packages = site_packages(python)
        empty, before = megabytes(packages), set(packages.glob("*.dist-info"))
        seconds = install(python, extra)
        imports = [float(ask(python, IMPORT)) for _ in range(IMPORTS)]
        table = Table(f"nuseg[{extra}]" if extra else "nuseg", "", title="installation", title_justify="left")
        table.add_row("installing", f"{seconds:.0f} s")
        table.add_row("packages", str(len(set(packages.glob("*.dist-info")) - before)))
        table.add_row("size on disk", f"{megabytes(packages) - empty:.0f} MB")
        table.add_row("of it nuseg", f"{megabytes(packages / 'nuseg'):.1f} MB")
        table.add_row(f"import nuseg, best of {IMPORTS}", f"{min(imports):.3f} s")
    Console().print(table)


if __name__ == "__main__":
    main()
