"""What a command takes: time, CPU time and memory of all its processes; and on which machine."""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from nuseg.engines.threads import available_cores

PAUSE = 0.1  # s between two looks at the memory


@dataclass(frozen=True)
class Taken:
    """What a command took.

    Attributes
    ----------
    begun : float
        When it was started (s since 1970).
    seconds : float
    cpu_seconds : float
        Of all its processes, in the system's calls as well.
    peak_bytes : int
        Most memory at a time, summed over its processes; what several share counts once.
    peak_at : float
        When that was (s after the start).
    processes : int
        Most at a time.
    """

    begun: float
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    peak_at: float
    processes: int


def memory_of(process: psutil.Process) -> int:
    """Memory of a process (bytes), its share of what several use; 0 where it has ended."""
    try:
        full = process.memory_full_info()
    except psutil.Error:
        return 0
    return int(getattr(full, "pss", full.uss))


def run_measured(command: Sequence[str], environment: Mapping[str, str]) -> Taken:
    """Run a command to its end, and look at its processes meanwhile.

    Raises
    ------
    CalledProcessError
        It failed.
    """
    begun, clock = time.time(), time.perf_counter()
    before = os.times()
    with (
        tempfile.TemporaryFile() as told,
        subprocess.Popen(command, env=dict(environment), stdout=subprocess.DEVNULL, stderr=told) as child,
    ):
        process, peak, peak_at, most = psutil.Process(child.pid), 0, 0.0, 0
        while child.poll() is None:
            try:
                tree = [process, *process.children(recursive=True)]
            except psutil.Error:  # it has just ended
                break
            memory, most = sum(map(memory_of, tree)), max(most, len(tree))
            if memory > peak:
                peak, peak_at = memory, time.perf_counter() - clock
            time.sleep(PAUSE)
        if child.wait():
            told.seek(0)
            sys.stderr.write(told.read().decode(errors="replace"))
    seconds, after = time.perf_counter() - clock, os.times()
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Taken(begun, seconds, cpu, peak, peak_at, most)


def machine_facts() -> dict[str, Any]:
    """What times on this machine depend on."""
    cpu, flags = cpu_facts()
    return {
        "cpu": cpu,
        "avx2": "avx2" in flags,
        "avx512": "avx512f" in flags,
        "vnni": bool({"avx512_vnni", "avx_vnni"} & flags),
        "cores": available_cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "gpus": gpus(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def cpu_facts() -> tuple[str, set[str]]:
    """Name of the processor, and the instructions that it says it has; no instructions on other systems than Linux."""
    information = Path("/proc/cpuinfo")
    if not information.exists():
        return platform.processor() or platform.machine(), set()
    lines = dict(line.split(":", 1) for line in information.read_text().split("\n\n")[0].splitlines() if ":" in line)
    facts = {key.strip(): value.strip() for key, value in lines.items()}
    return facts.get("model name", platform.machine()), set(facts.get("flags", "").split())


def gpus() -> list[str]:
    """Names of the GPUs, as NVIDIA's own program lists them."""
    try:
        words = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    except (OSError, subprocess.CalledProcessError):
        return []


def machine_line(facts: Mapping[str, Any]) -> str:
    """A machine in one line."""
    instructions = "AVX512" if facts["avx512"] else "AVX2" if facts["avx2"] else "neither AVX2 nor AVX512"
    instructions += " with VNNI" if facts["vnni"] else " without VNNI"
    gpu = ", ".join(facts["gpus"]) or "no GPU"
    return f"{facts['cpu']}, {facts['cores']} cores ({instructions}), {facts['memory_gib']:.0f} GiB, {gpu}"
