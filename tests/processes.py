"""Processes of tests, on every system: their memory, and their sudden end."""

import subprocess
import sys

import psutil


def peak_kib() -> int:
    """The most memory that this process has taken so far, KiB."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset // 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def kill_tree(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it started, at once, so that none can clean up."""
    started = psutil.Process(process.pid)
    for each in [*started.children(recursive=True), started]:
        each.kill()
    process.wait()
