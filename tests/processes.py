"""Processes of tests, on every system: their memory, and their sudden end."""

import subprocess
import sys
from pathlib import Path

import psutil


def peak_kib() -> int:
    """The most memory that this process has taken so far, KiB."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset // 1024
    if sys.platform == "linux":  # getrusage would count what the process that started this one had taken before
        status = Path("/proc/self/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak  # elsewhere in KiB already


def kill_tree(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it started, at once, so that none can clean up."""
    started = psutil.Process(process.pid)
    for each in [*started.children(recursive=True), started]:
        each.kill()
    process.wait()
