"""What 8 bits gain on CPUs with fewer instructions than this one has.

    python benchmarks/instructions.py [--side 1024]

Holds OpenVINO to older instructions (`ONEDNN_MAX_CPU_ISA`), one after the other, and runs each model in 8 and in 32
bits by one thread: CPU-seconds per megapixel. Says what nuseg takes each for (`nuseg.engines.processor`).
"""

import argparse
import json
import os
import subprocess
import sys
import time
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from nuseg.engines.backends.openvino import OpenVinoEngine
from nuseg.engines.processor import products_of_8_bits
from nuseg.model.config import Precision
from nuseg.model.store import load_model

HELD_TO = {"": "all", "AVX512_CORE": "AVX512 without VNNI", "AVX2": "AVX2", "SSE41": "SSE4.1"}
MODELS = ("default", "light", "fast")
PRECISIONS: tuple[Precision, ...] = ("int8", "f32")
RUNS = 3


def seconds_of(engine: OpenVinoEngine, pixels: np.ndarray) -> float:
    """CPU-seconds of the fastest of some runs, the first one not counted."""
    engine(pixels)
    taken = []
    for _ in range(RUNS):
        begun = time.process_time()
        engine(pixels)
        taken.append(time.process_time() - begun)
    return min(taken)


def measure(side: int) -> dict[str, Any]:
    """Run every model in every precision, by what this process may use."""
    pixels = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
    found: dict[str, Any] = {"taken for": products_of_8_bits()}
    for model in MODELS:
        for precision in PRECISIONS:
            engine = OpenVinoEngine(load_model(model).graph(precision), threads=1)
            found[f"{model} {precision}"] = seconds_of(engine, pixels) / (side**2 / 1e6)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1024, help="of the image (px)")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.side)))
        return
    columns = ["taken for", *(f"{model} {precision}" for model in MODELS for precision in PRECISIONS)]
    table = Table("instructions", *columns, title="CPU-seconds per megapixel")
    for held_to, name in HELD_TO.items():
        command = [sys.executable, __file__, "--measure", "--side", str(arguments.side)]
        environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": held_to}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            table.add_row(name, f"ended with {done.returncode}")
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        table.add_row(name, *(f"{found[key]:.2f}" if key != "taken for" else found[key] for key in columns))
    Console().print(table)


if __name__ == "__main__":
    main()
