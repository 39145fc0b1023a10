"""The tests' own measure of memory, and their way to end processes."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil

from processes import kill_tree, peak_kib

PARENT = """
import subprocess, sys, time
from pathlib import Path
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
Path(sys.argv[1]).write_text(str(child.pid))
time.sleep(60)
"""


def test_peak_grows_by_what_is_taken() -> None:
    before = peak_kib()
    taken = np.ones(2**20 * 40, np.uint8) + 1  # an array of 40 MiB, and what it is made of
    del taken
    held = psutil.Process().memory_info().rss // 1024
    assert before <= peak_kib()
    assert peak_kib() >= held


def test_children_end_too(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    process = subprocess.Popen([sys.executable, "-c", PARENT, str(file)])
    deadline = time.monotonic() + 20
    while not (file.exists() and file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    child = psutil.Process(int(file.read_text()))
    kill_tree(process)
    assert process.returncode != 0
    _, alive = psutil.wait_procs([child], timeout=10)
    assert alive == []
