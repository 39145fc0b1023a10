"""`nuseg segment`, with a watch on its network; `slides.py` starts it for each case.

    python benchmarks/slide_case.py TIMES.json segment SLIDE -o OUT ...

Writes to TIMES.json when the network was first and last asked, and how long and how much CPU time it took. In the
environment, NUSEG_MAPS may name a folder of recorded maps, for the device `simulated`: a network that gives them after
NUSEG_NETWORK_MS milliseconds per megapixel. Without that number it records those that are missing.
"""

import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nuseg.cli import main
from nuseg.engines.engine import Backend, Engine
from nuseg.engines.loading import load_engine
from nuseg.engines.maps import FULL_MAP, quantise
from nuseg.engines.registry import engines
from nuseg.model.config import Precision
from nuseg.model.store import Model

LOOKED_AT = 16  # px; so many apart are the pixels that a window is known by
TASKS = Path("/proc/self/task")


@dataclass
class Watch:
    """What the network took.

    Attributes
    ----------
    first, last : float
        When it was first asked, and last answered (s since 1970).
    seconds, cpu_seconds : float
        In which it was at work, and the CPU time of its threads and of those that waited for it.
    after_cpu_seconds : float
        CPU time of this process after the last answer.
    megapixels : float
        That it saw.
    calls : int
    """

    first: float = 0.0
    last: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    after_cpu_seconds: float = 0.0
    megapixels: float = 0.0
    calls: int = 0


watch, turn, own_threads = Watch(), threading.Lock(), set[str]()


def thread_names() -> set[str]:
    """The threads of this process; none on other systems than Linux."""
    return {path.name for path in TASKS.iterdir()} if TASKS.exists() else set()


def cpu_of(thread: str) -> float:
    """CPU time of a thread so far (s); 0 where it has ended."""
    try:
        return int((TASKS / thread / "schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return 0.0


class Watched:
    """An engine with a watch on it; all else is the engine's own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return watch_call(self._engine, batch)

    def __getattr__(self, name: str) -> Any:
        of_engine = getattr(self._engine, name)
        if name == "in_bytes":
            return partial(watch_call, of_engine)
        return partial(watch_submit, of_engine) if name == "submit" else of_engine


def watch_call(function: Callable[[np.ndarray], np.ndarray], pixels: np.ndarray) -> np.ndarray:
    """Call what gives maps of pixels `(..., h, w, 3)`, and write down what that took."""
    begun, clock, cpu = time.time(), time.perf_counter(), time.thread_time()
    maps = function(pixels)
    answered(begun, time.perf_counter() - clock, time.thread_time() - cpu, pixels)
    return maps


def watch_submit(submit: Callable[[np.ndarray], "Future[np.ndarray]"], window: np.ndarray) -> "Future[np.ndarray]":
    """Begin a window, and write down what it took when its maps come: from the answer before, if that came later."""
    begun = time.time()
    future = submit(window)
    future.add_done_callback(lambda _done: answered(begun, time.time() - max(begun, watch.last), 0.0, window))
    return future


def answered(begun: float, seconds: float, cpu_seconds: float, pixels: np.ndarray) -> None:
    """Write an answer of the network down."""
    with turn:
        watch.first, watch.last = watch.first or begun, time.time()
        watch.after_cpu_seconds = -time.process_time()
        watch.seconds += seconds
        watch.cpu_seconds += cpu_seconds
        watch.megapixels += pixels[..., 0].size / 1e6
        watch.calls += 1


class RecordedMaps:
    """A network that gives maps which were recorded, after a while; or records them."""

    def __init__(self, model: Model, threads: int | None, folder: Path, ms_per_megapixel: float | None) -> None:
        self.folder, self.seconds = folder / model.config.name, None
        if ms_per_megapixel is not None:
            self.seconds = ms_per_megapixel / 1e9
        else:
            self.network = load_engine(model, "cpu", threads)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return np.stack([self.maps_of(window) for window in batch])

    def maps_of(self, window: np.ndarray) -> np.ndarray:
        """Maps of one window."""
        end = time.perf_counter()
        sample = np.ascontiguousarray(window[::LOOKED_AT, ::LOOKED_AT])
        path = self.folder / f"{hashlib.blake2b(sample.tobytes() + str(window.shape).encode()).hexdigest()[:32]}.npy"
        if self.seconds is None and not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            np.save(path, quantise(self.network(window[None])[0]))
        maps = np.load(path) * np.float32(1 / FULL_MAP)
        if self.seconds is not None:
            end += self.seconds * window[..., 0].size
            time.sleep(max(0.0, end - time.perf_counter()))
        return maps


def load_recorded(model: Model, _device: str, threads: int | None, _precision: Precision | None) -> Engine:
    """Load what stands for a network."""
    speed = os.environ.get("NUSEG_NETWORK_MS")
    return RecordedMaps(model, threads, Path(os.environ["NUSEG_MAPS"]), float(speed) if speed else None)


def watched(backend: Backend) -> Backend:
    """A backend whose engines are watched."""

    def load(model: Model, device: str, threads: int | None, precision: Precision | None) -> Engine:
        before = thread_names()
        engine = backend.load(model, device, threads, precision)
        own_threads.update(thread_names() - before)
        return Watched(engine)

    return replace(backend, load=load)


def run() -> None:
    """Run the command, and write what was seen."""
    path = Path(sys.argv.pop(1))
    engines.register(Backend("recorded", ("simulated",), lambda _device: True, load_recorded))
    for backend in engines.values():
        engines.register(watched(backend))
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
    watch.cpu_seconds += sum(map(cpu_of, own_threads))
    watch.after_cpu_seconds += time.process_time()
    path.write_text(json.dumps(asdict(watch)))


if __name__ == "__main__":  # processes that are started anew may import this module as well
    run()
