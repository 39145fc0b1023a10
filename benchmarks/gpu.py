"""What a GPU gains: the network alone, whole slides, and whether the nuclei stay the same.

    python benchmarks/gpu.py [--device cuda] [--dataset DATASET] [--out gpu.json] [--minutes 8]
    python benchmarks/gpu.py --device cpu --small      # the same code without a GPU, in a minute

Makes its slide of the picture that comes with nuseg, or of --images, runs every case in a process of its own, prints a
table and writes all numbers as JSON. A case that fails is a row that says so.

network: a window as slides have them, by windows in a batch and by precision; "differ": values of the quantised maps
that are other ones than with one window in a batch. slide: end to end, from the start of Python to the last output;
"start" is until the first window is given to the network. nuclei: AJI on --dataset of the CPU as it is (8 bits), and of
the device in 32 and in 16 bits.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

BEGUN = time.time()  # before anything large is imported

import numpy as np  # noqa: E402
import psutil  # noqa: E402

MODELS = ("default", "fast")
SAMPLE = Path(__file__).resolve().parent.parent / "src" / "nuseg" / "viewer" / "samples" / "tnbc.png"
FACTORS = (1, 4, 16)
LONGEST = 240  # s, of one case on a GPU
RUNS = 8  # of a batch, at most


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    kind: str
    model: str
    precision: str = "16 bits"
    batch: int = 0  # windows at a time; 0 = nuseg's own choice


@dataclass(frozen=True)
class Setup:
    """What all cases share."""

    device: str
    small: bool
    slide: str
    dataset: str | None


def torch_network(case: Case, setup: Setup, name: str) -> Any:
    """The network on one device, in the precision of a case."""
    import torch

    from nuseg.engines.torch_device import TorchDevice
    from nuseg.model.export import load_network
    from nuseg.model.store import load_model

    kind = torch.bfloat16 if setup.small and setup.device == "cpu" else torch.float16  # which CPUs compute slowly
    return TorchDevice(load_network(load_model(case.model)), name, kind if case.precision == "16 bits" else None)


def first_device(setup: Setup) -> str:
    """The one that the network is measured on alone."""
    return "cuda:0" if setup.device == "cuda" else setup.device


def measure_network(case: Case, setup: Setup) -> dict[str, Any]:
    """Time batches of windows, two on their way at a time."""
    import torch

    side = 128 if setup.small else 2624
    device = torch_network(case, setup, first_device(setup))
    tissue = np.tile(read_sample(), (side // 256 + 1, side // 256 + 1, 1))[:side, :side]
    windows = [np.ascontiguousarray(np.roll(tissue, 97 * number, (0, 1))) for number in range(case.batch)]
    begun = time.perf_counter()
    alone, _good = device.finish(device.start(windows[:1], bytes_out=True))
    first = time.perf_counter() - begun
    maps, _good = device.finish(device.start(windows, bytes_out=True))
    runs = max(2, RUNS // case.batch) if not setup.small else 2
    begun = time.perf_counter()
    waiting = [device.start(windows, bytes_out=True)]
    for _ in range(runs - 1):
        waiting.append(device.start(windows, bytes_out=True))
        device.finish(waiting.pop(0))
    device.finish(waiting.pop())
    seconds = time.perf_counter() - begun
    pixels = runs * case.batch * side**2
    found = {"ms/MP": 1e9 * seconds / pixels, "first window s": first, "differ": int((maps[0] != alone[0]).sum())}
    if setup.device.startswith("cuda"):
        free, per_pixel = device.measure()
        found |= {"bytes/px": per_pixel, "free GB": (free or 0) / 1e9}
        found["peak GB"] = torch.cuda.max_memory_allocated() / 1e9
    return found


def read_sample() -> np.ndarray:
    """A picture of tissue, `(256, 256, 3)` uint8."""
    from nuseg.io.opening import read_image

    return read_image(SAMPLE).pixels[:256, :256]


class Watched:
    """An engine, and what it is asked for: when first, and how much of the time it has anything to do."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.first: float | None = None
        self.open, self.busy, self.since = 0, 0.0, 0.0
        self.windows = self.pixels = 0

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self.engine.notes)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.asarray(self.engine(batch))

    def submit(self, window: np.ndarray) -> "Future[np.ndarray]":
        if self.first is None:
            self.first = time.time()
        if not self.open:
            self.since = time.perf_counter()
        self.open += 1
        self.windows += 1
        self.pixels += window.shape[0] * window.shape[1]
        future: Future[np.ndarray] = self.engine.submit(window)
        future.add_done_callback(self._ended)
        return future

    def _ended(self, _future: "Future[np.ndarray]") -> None:
        self.open -= 1
        if not self.open:
            self.busy += time.perf_counter() - self.since

    def in_flight(self, pixels: int) -> int:
        return int(self.engine.in_flight(pixels))


def slide_engine(case: Case, setup: Setup) -> Any:
    """The engine of a case: nuseg's own, or one with batches of so many windows."""
    from nuseg.engines.feeder import BatchFeeder
    from nuseg.engines.loading import load_engine
    from nuseg.model.store import load_model

    if setup.device.startswith("cuda") and not case.batch:
        return load_engine(
            load_model(case.model), setup.device, precision=None if case.precision == "16 bits" else "f32"
        )
    names = [first_device(setup)]
    launch = 8_000_000 * max(case.batch, 1)
    return BatchFeeder([torch_network(case, setup, name) for name in names], launch)


def measure_slide(case: Case, setup: Setup) -> dict[str, Any]:
    """Segment a slide and write its results, as `nuseg segment` does."""
    begun = time.perf_counter()
    import torch

    imported = time.perf_counter() - begun
    from nuseg.model.store import load_model
    from nuseg.results.early import EarlyOutputs
    from nuseg.segmentation.segmenter import Segmenter

    ends: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        watched = Watched(slide_engine(case, setup))
        segmenter = Segmenter(load_model(case.model), watched)
        begun = time.perf_counter()
        kept = Path(folder) / "partial"
        early = EarlyOutputs(kept / "outputs", None, "slide")
        with segmenter(
            setup.slide, checkpoint=kept, progress=lambda _: ends.append(time.perf_counter()), early=early
        ) as result:
            joined = time.perf_counter()
            result.save(folder, name="slide")
            saved = time.perf_counter()
            mm2, nuclei = result.info.counted_mm2, len(result)
    wall = time.time() - started()
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    children = sum(sum(child.cpu_times()[:2]) for child in psutil.Process().children(recursive=True))
    cpu = sum(each.ru_utime + each.ru_stime for each in usage) + children
    assert watched.first is not None
    found = {
        "s/mm2": wall / mm2,
        "inside s/mm2": (saved - begun) / mm2,
        "start s": watched.first - started(),
        "import torch s": imported,
        "tiles s": ends[-1] - begun,
        "join s": joined - ends[-1],
        "write s": saved - joined,
        "network busy s": watched.busy,
        "CPU s/mm2": cpu / mm2,
        "cores busy": cpu / wall,
        "mm2": mm2,
        "nuclei": nuclei,
        "windows": watched.windows,
        "network px/px": watched.pixels / pixels_of(mm2, case.model),
        "notes": list(watched.notes),
    }
    if setup.device.startswith("cuda"):
        found["peak GB"] = torch.cuda.max_memory_allocated() / 1e9
    return found


def pixels_of(mm2: float, model: str) -> float:
    """Pixels of the model's grid on an area."""
    from nuseg.model.store import load_model

    return mm2 * 1e6 / load_model(model).config.mpp ** 2


def started() -> float:
    """When this process was started (s since 1970)."""
    return min(psutil.Process().create_time(), BEGUN)


def measure_nuclei(case: Case, setup: Setup) -> dict[str, Any]:
    """AJI of a dataset's images by the CPU and by the device: what counts is how they differ."""
    from nuseg.datasets.dataset import Dataset
    from nuseg.engines.loading import load_engine
    from nuseg.evaluation.cases import model_cases
    from nuseg.evaluation.dataset import predict
    from nuseg.evaluation.scoring import score_cases
    from nuseg.model.store import load_model
    from nuseg.segmentation.segmenter import Segmenter

    assert setup.dataset is not None
    dataset = Dataset.load(setup.dataset)
    items = list(dataset.items)[: 2 if setup.small else None]
    model = load_model(case.model)
    found: dict[str, Any] = {"images": len(items)}
    values = {}
    engines = {
        "CPU": load_engine(model, "cpu"),
        "32 bits": slide_engine(replace(case, precision="32 bits"), setup),
        "device": slide_engine(case, setup),
    }
    for name, engine in engines.items():
        segmenter = Segmenter(model, engine)
        cases = model_cases(
            items, dataset.annotation == "instance", lambda pixels, mpp, by=segmenter: predict(by, pixels, mpp)
        )
        values[name] = score_cases(cases.cases).table["aji"].to_numpy()
        found[f"AJI {name}"] = float(values[name].mean())
    return found | {
        "device - CPU": found["AJI device"] - found["AJI CPU"],
        "device - 32 bits": found["AJI device"] - found["AJI 32 bits"],
        "largest of an image": float(np.abs(values["device"] - values["32 bits"]).max()),
    }


MEASURES: dict[str, Callable[[Case, Setup], dict[str, Any]]] = {
    "network": measure_network,
    "slide": measure_slide,
    "nuclei": measure_nuclei,
}


def cases_of(setup: Setup) -> Iterator[Case]:
    """All cases, what matters most first."""
    models = MODELS[1:] if setup.small else MODELS
    for model in models:
        yield Case("slide", model)
    for model in models:
        yield from (Case("network", model, "16 bits", batch) for batch in ((1, 2) if setup.small else (1, 2, 4, 8)))
        yield Case("network", model, "32 bits", 1)
    if setup.dataset:
        yield from (Case("nuclei", model) for model in models)
    for model in models:
        yield Case("slide", model, "32 bits")
        yield Case("slide", model, "16 bits", 4)


def run_case(case: Case, setup: Setup, seconds: float) -> dict[str, Any]:
    """Run a case in a process of its own, for so long at most (s); what goes wrong with it is its result."""
    command = [sys.executable, __file__, "--case", json.dumps({"case": asdict(case), "setup": asdict(setup)})]
    longest = seconds if setup.device == "cpu" else min(seconds, LONGEST)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=longest)
    except subprocess.TimeoutExpired:
        return {"failed": "took too long"}
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        return {"failed": lines[-1][:200]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def machine(device: str) -> dict[str, Any]:
    """What it was measured on."""
    import torch

    on_gpu = device.startswith("cuda") and torch.cuda.is_available()
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": len(psutil.Process().cpu_affinity() or []) or os.cpu_count(),
        "memory GB": psutil.virtual_memory().total / 1e9,
        "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())] if on_gpu else [],
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
    }


def make_slide_file(path: Path, images: Path | None, side: int) -> None:
    """Write a pyramid of real tissue at 0.25 um/px."""
    from made_slides import make_slide
    from nuseg.io.find import find_images
    from nuseg.io.opening import read_image

    pictures = (
        [read_image(picture).pixels for picture in find_images([images])] if images else [read_image(SAMPLE).pixels]
    )
    make_slide(path, pictures, side, FACTORS)


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print a table for each kind of case."""
    from rich.console import Console
    from rich.table import Table

    for kind in MEASURES:
        chosen = [row for row in rows if row["kind"] == kind]
        if not chosen:
            continue
        names = list(dict.fromkeys(name for row in chosen for name in row if name != "kind"))
        table = Table(*names, title=kind)
        for row in chosen:
            table.add_row(*(shown(row.get(name, "")) for name in names))
        Console(width=max(120, 11 * len(names))).print(table)


def shown(value: Any) -> str:
    """A value as the table has it."""
    return f"{value:.3g}" if isinstance(value, float) else "; ".join(value) if isinstance(value, list) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="a small slide and few cases, to see that all runs")
    parser.add_argument("--images", type=Path, help="folder of square pictures of one size to make the slide of")
    parser.add_argument("--slide", type=Path, help="segment this slide instead")
    parser.add_argument("--dataset", help="for AJI")
    parser.add_argument("--side", type=int, help="px; default: 20480, or 1024 with --small")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    parser.add_argument("--minutes", type=float, default=8.0, help="cases that come later are left out")
    parser.add_argument("--only", choices=list(MEASURES), help="this kind of cases alone")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        given = json.loads(arguments.case)
        case, setup = Case(**given["case"]), Setup(**given["setup"])
        print(json.dumps(MEASURES[case.kind](case, setup)), flush=True)
        return
    last = time.monotonic() + 60 * arguments.minutes
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        slide = arguments.slide or Path(folder) / "slide.tif"
        if arguments.slide is None:
            make_slide_file(slide, arguments.images, arguments.side or (1024 if arguments.small else 20480))
        setup = Setup(arguments.device, arguments.small, str(slide), arguments.dataset)
        for case in (case for case in cases_of(setup) if arguments.only in (None, case.kind)):
            left = last - time.monotonic()
            found = run_case(case, setup, left) if left > 0 else {"failed": "no time left"}
            rows.append(asdict(case) | found)
            print(f"{case.kind} {case.model} {case.precision} {case.batch or ''}: {found}", file=sys.stderr, flush=True)
            arguments.out.write_text(json.dumps({"machine": machine(arguments.device), "rows": rows}, indent=1))
    print_table(rows)


if __name__ == "__main__":
    main()
