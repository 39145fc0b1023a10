"""What a whole slide costs: seconds and CPU-seconds per mm2, cores at work, start-up, memory.

    python benchmarks/slides.py [--models fast default] [--sides 20480] [--workers 1 2] [--network-ms 2]
    python benchmarks/slides.py --sparse 0.05 --sides 4096 8192 16384 32768 65536 100000

Makes JPEG pyramids of real tissue at 0.25 um/px out of a folder of images, and runs `nuseg segment` with its default
outputs on them, a case for each combination of side, model, device and number of threads; prints one table, and writes
it with all numbers and the facts of the machine to --out. `outside` is CPU time of all but the network; `after` is what
is left to do when the network has answered for the last time; memory is summed over processes, what they share once.

--network-ms N shows whether all else keeps up with a fast GPU: a network of N ms per megapixel that gives maps which
the real one made before, unmeasured. --sparse SHARE makes slides with tissue in the middle alone, of which a side of
100,000 px takes minutes. --plain adds what is often written by hand, see `plain_inference.py`. --against CHECKOUT runs
each case with another version, too, by turns.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from rich.console import Console

from made_slides import DATA, PYRAMID, ROOT, make_slide, make_sparse_slide
from measured import Taken, machine_facts, machine_line, run_measured
from nuseg.engines.threads import available_cores
from nuseg.io.find import find_images
from nuseg.io.opening import read_image

HERE = Path(__file__).resolve().parent
SIMULATED = "simulated"
COLUMNS = {
    "side": "side, px",
    "model": "model",
    "device": "device",
    "workers": "threads",
    "version": "version",
    "mm2": "mm2",
    "nuclei": "nuclei",
    "seconds_per_mm2": "s/mm2",
    "outside_per_mm2": "CPU-s/mm2 outside the network",
    "cores_busy": "cores busy",
    "start_seconds": "start, s",
    "after_seconds": "after, s",
    "after_cpu_seconds": "after, CPU-s",
    "peak_gib": "memory, GiB",
    "processes": "processes",
}


@dataclass(frozen=True)
class Case:
    """One run.

    Attributes
    ----------
    side : int
        Of the slide (px).
    model, device : str
    workers : int
        CPU threads.
    version : str
        "this", "plain", or a folder with another version.
    """

    side: int
    model: str
    device: str
    workers: int
    version: str


@dataclass(frozen=True)
class Bench:
    """What all cases share: a folder for what they leave, the simulated network's ms/megapixel, the tiles' side."""

    folder: Path
    network_ms: float | None
    tile: int | None

    def slide(self, side: int) -> Path:
        """The slide of a side."""
        return self.folder / f"slide-{side}.tif"

    def run(self, case: Case, record: bool = False) -> dict[str, Any]:
        """Run a case; to `record` makes the maps that a simulated network needs."""
        times = self.folder / "times.json"
        source = ROOT if case.version in ("this", "plain") else Path(case.version)
        environment = dict(os.environ) | {"PYTHONPATH": str(source / "src"), "NUSEG_MAPS": str(self.folder / "maps")}
        if case.device == SIMULATED and not record:
            environment["NUSEG_NETWORK_MS"] = str(self.network_ms)
        with tempfile.TemporaryDirectory(dir=self.folder) as out:
            taken = run_measured(self.command(case, times, Path(out)), environment)
            seen = json.loads(times.read_text())
            if case.version != "plain":
                seen |= json.loads((Path(out) / "summary" / f"{self.slide(case.side).stem}.json").read_text())
        return asdict(case) | numbers(taken, seen)

    def command(self, case: Case, times: Path, out: Path) -> list[str]:
        """What runs a case."""
        chosen = ["--model", case.model, "--threads", str(case.workers)]
        slide = str(self.slide(case.side))
        if case.version == "plain":
            return [sys.executable, str(HERE / "plain_inference.py"), str(times), slide, *chosen]
        words = ["segment", slide, "-o", str(out), "--device", case.device, *chosen]
        if self.tile is not None:
            words += ["--tile", str(self.tile)]
        return [sys.executable, str(HERE / "slide_case.py"), str(times), *words]


def numbers(taken: Taken, seen: dict[str, Any]) -> dict[str, Any]:
    """What a run is judged by."""
    mm2 = seen["counted_mm2"]
    return {
        "mm2": round(mm2, 2),
        "nuclei": seen["nuclei"],
        "seconds": round(taken.seconds, 2),
        "seconds_per_mm2": round(taken.seconds / mm2, 3),
        "outside_per_mm2": round((taken.cpu_seconds - seen["cpu_seconds"]) / mm2, 2),
        "cpu_seconds": round(taken.cpu_seconds, 2),
        "network_seconds": round(seen["seconds"], 2),
        "network_cpu_seconds": round(seen["cpu_seconds"], 2),
        "cores_busy": round(taken.cpu_seconds / taken.seconds, 2),
        "start_seconds": round(seen["first"] - taken.begun, 2),
        "after_seconds": round(taken.begun + taken.seconds - seen["last"], 2),
        "after_cpu_seconds": round(seen.get("after_cpu_seconds", 0.0), 2),
        "peak_gib": round(taken.peak_bytes / 2**30, 2),
        "peak_at_seconds": round(taken.peak_at, 1),
        "megapixels_seen": round(seen["megapixels"], 1),
        "processes": taken.processes,
    }


def cases_of(arguments: argparse.Namespace) -> Iterator[Case]:
    """List the cases; the simulated network stands beside real devices."""
    devices = arguments.devices if arguments.network_ms is None else [SIMULATED]
    versions = ["this", *arguments.against, *(["plain"] if arguments.plain else [])]
    for side, model, device, workers in product(arguments.sides, arguments.models, devices, arguments.workers):
        for version in versions:
            if version != "plain" or device == "cpu":
                yield Case(side, model, device, workers, version)


def as_markdown(rows: list[dict[str, Any]]) -> str:
    """Write the table; columns that are the same everywhere and were not asked for are left out."""
    shown = [name for name in COLUMNS if name != "version" or len({row["version"] for row in rows}) > 1]
    lines = [[COLUMNS[name] for name in shown], ["---"] * len(shown)]
    lines += [[f"{row[name]:,}" if name in ("side", "nuclei") else str(row[name]) for name in shown] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def make_slides(bench: Bench, arguments: argparse.Namespace) -> None:
    """Make the slides of all sides."""
    patches = [read_image(path).pixels for path in find_images([arguments.folder])]
    for side in arguments.sides:
        if arguments.sparse:
            make_sparse_slide(bench.slide(side), patches, side, arguments.sparse)
        else:
            make_slide(bench.slide(side), patches, side, tuple(arguments.levels))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=DATA / "monuseg-train" / "images")
    parser.add_argument("--models", nargs="+", default=["fast", "default"])
    parser.add_argument("--devices", nargs="+", default=["cpu"])
    parser.add_argument("--workers", nargs="+", type=int, default=[available_cores()], help="CPU threads")
    parser.add_argument("--sides", nargs="+", type=int, default=[20480], help="of the slides, px")
    parser.add_argument("--tile", type=int, help="default: what nuseg chooses")
    parser.add_argument(
        "--levels", nargs="+", type=int, default=PYRAMID, help="by how much each is smaller than level 0"
    )
    parser.add_argument("--sparse", type=float, metavar="SHARE", help="tissue in the middle alone, 0..1")
    parser.add_argument("--network-ms", type=float, metavar="N", help="a simulated network, ms per megapixel")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--against", nargs="*", default=[], metavar="CHECKOUT")
    parser.add_argument("--out", type=Path, default=Path("slides"), help="PATH.json and PATH.md")
    arguments = parser.parse_args()
    facts, rows, console = machine_facts(), list[dict[str, Any]](), Console(width=200)
    console.print(machine_line(facts))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), arguments.network_ms, arguments.tile)
        make_slides(bench, arguments)
        recorded = set[tuple[int, str]]()
        for case in cases_of(arguments):
            if case.device == SIMULATED and (case.side, case.model) not in recorded:
                bench.run(case, record=True)
                recorded.add((case.side, case.model))
            rows.append(bench.run(case))
            console.print(", ".join(f"{name} {value}" for name, value in rows[-1].items()))
            shared = {name: getattr(arguments, name) for name in ("network_ms", "sparse", "tile", "levels")}
            content = {"machine": facts, **shared, "cases": rows}
            arguments.out.with_suffix(".json").write_text(json.dumps(content, indent=2) + "\n")
            arguments.out.with_suffix(".md").write_text(f"{machine_line(facts)}\n\n{as_markdown(rows)}")
    print(as_markdown(rows))


if __name__ == "__main__":
    main()
