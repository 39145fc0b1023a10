"""Tiles through an engine that has several windows in work: the same nuclei as one after the other."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import pytest

from dark_device import DarkDevice
from dark_model import CONFIG, dark_network, save_dark_model
from nuseg.engines.engine import ByteEngine, Feeder
from nuseg.engines.feeder import BatchFeeder
from nuseg.engines.maps import quantise
from nuseg.engines.tta import EightViews
from nuseg.io.opening import open_source
from nuseg.progress import Progress
from nuseg.segmentation import plan as plan_module
from nuseg.segmentation import tiling
from nuseg.segmentation.components import halo_of
from nuseg.segmentation.guarded import guard_engine
from nuseg.segmentation.pipeline import segment_source
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.segmenter import Segmenter
from nuseg.segmentation.stopping import Stop, Stopped

OPTIONS = SegmentOptions(0.25, tissue=False, tile=64)


class Backwards:
    """An engine whose first windows are done last, and which notes how many it has at a time."""

    notes = ("said by the engine",)
    arithmetic = ""

    def __init__(self, beside: int) -> None:
        self.beside, self.open, self.most = beside, 0, 0
        self.count = 0

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return dark_network(batch)

    def submit(self, window: np.ndarray) -> "Future[np.ndarray]":
        future: Future[np.ndarray] = Future()
        self.open += 1
        self.most = max(self.most, self.open)
        self.count += 1

        def answer() -> None:
            self.open -= 1
            future.set_result(quantise(dark_network(window[None])[0]))

        Timer(0.02 if self.count % 3 else 0.06, answer).start()
        return future

    def in_flight(self, pixels: int) -> int:
        return self.beside


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    rng = np.random.default_rng(5)
    pixels = np.full((250, 300, 3), 230, np.uint8)
    for y, x in zip(rng.integers(0, 240, 120), rng.integers(0, 290, 120), strict=True):
        pixels[y : y + 7, x : x + 9] = rng.integers(20, 100, 3)
    return pixels


def nuclei(picture: np.ndarray, engine: Any, threads: int = 2) -> str:
    with open_source(picture) as source:
        result = segment_source(source, CONFIG, engine, OPTIONS, None, threads)
        return str(result.nuclei.to_csv())


@pytest.mark.parametrize("beside", [0, 1, 5])
def test_tiles_in_flight_give_the_nuclei_of_one_after_the_other(picture: np.ndarray, beside: int) -> None:
    engine = Backwards(beside)
    assert nuclei(picture, engine) == nuclei(picture, dark_network)
    assert engine.most <= beside + 1
    assert engine.most > beside / 2, "several were in work"


def test_batches_of_two_devices_give_the_same(picture: np.ndarray) -> None:
    engine = BatchFeeder([DarkDevice(), DarkDevice()], launch=64 * 64 * 3)
    assert nuclei(picture, engine) == nuclei(picture, dark_network)
    engine.close()


def test_a_guarded_feeder_feeds_until_it_is_stopped(picture: np.ndarray) -> None:
    stop, engine = Stop(), Backwards(3)
    guarded: Any = guard_engine(engine, stop)
    assert nuclei(picture, guarded) == nuclei(picture, dark_network)
    assert engine.most > 1
    assert guarded.notes == engine.notes
    stop()
    for call in (guarded.submit, guarded):
        with pytest.raises(Stopped):
            call(picture)


def test_a_guarded_plain_engine_does_one_call_until_it_is_stopped(picture: np.ndarray) -> None:
    stop = Stop()
    guarded: Any = guard_engine(dark_network, stop)
    assert not isinstance(guarded, Feeder)
    assert guarded.notes == ()
    assert nuclei(picture, guarded) == nuclei(picture, dark_network)
    stop()
    with pytest.raises(Stopped):
        guarded(picture[None])


class Bytes:
    """An engine that gives maps as bytes, and takes windows of so many pixels."""

    notes = ("said by the engine",)

    def __init__(self, pixels: int) -> None:
        self.pixels, self.windows, self.released = pixels, list[tuple[int, ...]](), 0

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return dark_network(batch)

    def in_bytes(self, window: np.ndarray) -> np.ndarray:
        self.windows.append(window.shape)
        return quantise(dark_network(window[None])[0])

    def window_pixels(self) -> int:
        return self.pixels

    def release(self) -> None:
        self.released += 1


def test_a_guarded_engine_of_bytes_gives_them_until_it_is_stopped(picture: np.ndarray) -> None:
    stop, engine = Stop(), Bytes(10**6)
    guarded: Any = guard_engine(engine, stop)
    assert isinstance(guarded, ByteEngine)
    assert nuclei(picture, guarded) == nuclei(picture, dark_network)
    assert engine.windows
    assert engine.released == 1
    assert (guarded.notes, guarded.window_pixels()) == (engine.notes, 10**6)
    stop()
    for call, given in ((guarded, [picture[None]]), (guarded.in_bytes, [picture]), (guarded.window_pixels, [])):
        with pytest.raises(Stopped):
            call(*given)
    guarded.release()
    assert engine.released == 2, "also after a stop"


def test_a_guarded_engine_does_one_thing_at_a_time() -> None:
    """Memory must not be given back while a window takes it, nor a window be measured then."""
    at_once, most = [0], [0]

    def busy(*_given: object) -> Any:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        time.sleep(0.01)
        at_once[0] -= 1
        return 7

    engine: Any = Bytes(1)
    engine.in_bytes = engine.window_pixels = engine.release = busy
    guarded: Any = guard_engine(engine, Stop())
    with ThreadPoolExecutor(6) as pool:
        calls = [guarded.window_pixels, guarded.release, lambda: guarded.in_bytes(np.zeros((1, 1, 3), np.uint8))] * 2
        for done in [pool.submit(call) for call in calls]:
            done.result()
    assert most == [1]


@pytest.mark.parametrize("views", [False, True])
@pytest.mark.parametrize("guard", [False, True])
def test_memory_is_given_back_however_a_source_ends(picture: np.ndarray, views: bool, guard: bool) -> None:
    """And the error is that of the work."""
    engine, stop = Bytes(0), Stop()
    seen: Any = EightViews(engine, 1) if views else engine
    seen = guard_engine(seen, stop) if guard else seen
    nuclei(picture, seen)
    assert engine.released == 1

    def end(_state: Progress) -> None:
        stop()
        raise KeyboardInterrupt

    with open_source(picture) as source, pytest.raises(KeyboardInterrupt):
        segment_source(source, CONFIG, seen, OPTIONS, None, 2, end)
    assert engine.released == 2

    def broken(_given: np.ndarray) -> Any:
        raise ValueError("broken")

    engine.in_bytes = broken  # type: ignore[method-assign]
    engine.__class__ = type("Broken", (Bytes,), {"__call__": lambda _self, given: broken(given)})
    seen = guard_engine(EightViews(engine, 1) if views else engine, Stop())
    with pytest.raises(ValueError, match="broken"):
        nuclei(picture, seen)
    assert engine.released == 3


def test_windows_grow_with_what_the_engine_takes_and_the_nuclei_stay(
    picture: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several parts share a window, also where some of them were done before."""
    for name, value in {"DEFAULT_TILE": 64, "LARGEST_TILE": 192, "FEWEST": 2}.items():
        monkeypatch.setattr(tiling, name, value)
    monkeypatch.setattr(plan_module, "LARGEST_PART", 64)
    expected = nuclei(picture, dark_network)
    model, options = save_dark_model(tmp_path / "dark"), SegmentOptions(0.25, tissue=False)
    margins = 2 * halo_of(CONFIG.thresholds, CONFIG.mpp)

    def stop_there(state: Progress) -> None:
        if state.done == 3:
            raise KeyboardInterrupt

    for side in (0, 100, 150):
        engine = Bytes((side + margins) ** 2)
        segmenter, folder = Segmenter(model, engine, 2), tmp_path / str(side)
        with pytest.raises(KeyboardInterrupt):
            segmenter(picture, options=options, checkpoint=folder, progress=stop_there)
        with segmenter(picture, options=options, checkpoint=folder) as found:
            assert str(found.nuclei.to_csv()) == expected
        assert max(height for height, *_ in engine.windows) <= max(side, 64) + margins
    assert max(height for height, *_ in engine.windows) > 64 + margins


@pytest.mark.parametrize("views", [False, True])
def test_tiles_that_were_computed_otherwise_are_done_again(picture: np.ndarray, tmp_path: Path, views: bool) -> None:
    """By another kind of CPU: half of each would be a result that no machine gives."""
    model, options = save_dark_model(tmp_path / "dark"), SegmentOptions(0.25, tissue=False, tile=64)
    windows = []
    for arithmetic in ("cpu int8 avx2", "cpu int8 vnni", "cpu int8 vnni"):
        engine = Bytes(10**6)
        engine.arithmetic = arithmetic
        segmenter = Segmenter(model, guard_engine(EightViews(engine, 1) if views else engine, Stop()), 1)
        seen: list[int] = []

        def note(state: Progress, seen: list[int] = seen) -> None:
            seen.append(state.done)
            if len(seen) == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            segmenter(picture, options=options, checkpoint=tmp_path / "kept", progress=note)
        windows.append(seen[0])
    assert windows[:2] == [1, 1]
    assert windows[2] > 1


def test_eight_views_go_to_a_feeder_four_at_a_time_and_come_back_the_same(picture: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    batch = rng.integers(0, 256, (1, 20, 33, 3), np.uint8)
    counts: list[int] = []

    class Counting(Backwards):
        def __call__(self, batch: np.ndarray) -> np.ndarray:
            counts.append(len(batch))
            return lopsided(batch)

    def lopsided(batch: np.ndarray) -> np.ndarray:
        shade = batch.astype(np.float32).mean(axis=3) / 255
        return np.stack([shade, np.cumsum(shade, axis=2) / 40], axis=1)

    views = EightViews(Counting(1), 16)
    np.testing.assert_array_equal(views(batch), EightViews(lopsided, 16)(batch))
    assert counts == [4, 4]
    assert views.notes == Counting(1).notes


def test_an_error_of_the_engine_ends_the_source(picture: np.ndarray) -> None:
    class Broken(Backwards):
        def submit(self, window: np.ndarray) -> "Future[np.ndarray]":
            if self.count == 4:
                failed: Future[np.ndarray] = Future()
                failed.set_exception(ValueError("broken"))
                return failed
            return super().submit(window)

    with pytest.raises(ValueError, match="broken"):
        nuclei(picture, Broken(3))


def test_what_an_engine_says_is_in_the_result(picture: np.ndarray, tmp_path: Path) -> None:
    segmenter = Segmenter(save_dark_model(tmp_path / "dark"), Backwards(2), notes=("said by whoever chose",))
    result = segmenter(picture, 0.25)
    assert result.notes[-2:] == ("said by whoever chose", "said by the engine")
