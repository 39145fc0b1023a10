"""Fixtures that every test may use, and how many threads one has."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# The workers of pytest-xdist share the cores, one each; said before anything is imported that counts them.
WORKER = os.environ.get("PYTEST_XDIST_WORKER")
if WORKER is not None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ.setdefault(name, "1")
    if hasattr(os, "sched_setaffinity"):  # OpenVINO takes all the cores that its process may use
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(WORKER.removeprefix("gw")) % len(cores)]})


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real annotated images (`NUSEG_DATA`, else `../shared/data` beside the repository)."""
    folder = Path(os.environ.get("NUSEG_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real images not found at {folder}: set NUSEG_DATA to their folder")
    return folder
