"""Fixtures that every test may use, and how many threads one has."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# The workers of pytest-xdist share the cores, one each; said before anything is imported that counts them.
WORKER = os.environ.get("PYTEST_XDIST_WORKER")
if WORKER is not None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ.setdefault(name, "1")
    if hasattr(os, "sched_setaffinity"):  # OpenVINO takes all the cores that its process may use
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(WORKER.removeprefix("gw")) % len(cores)]})


# How long an example takes says nothing on a machine that does other work beside it.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real annotated images (`NUSEG_DATA`, else `../shared/data` beside the repository)."""
    folder = Path(os.environ.get("NUSEG_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real images are absent: no folder {folder}; set NUSEG_DATA to theirs")
    return folder


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Close with a line that says which tests were skipped, and why: they are not among those that passed."""
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and WORKER is None:
        skipped = [report.longrepr for report in reporter.stats.get("skipped", [])]
        reasons = Counter(why[2].removeprefix("Skipped: ") for why in skipped if isinstance(why, tuple))
        if reasons:
            told = "; ".join(f"{count} because {reason}" for reason, count in reasons.most_common())
            reporter.write_line(f"skipped: {told}")
