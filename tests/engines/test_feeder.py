"""Windows gathered to batches: the same maps, whatever waits beside them and however little memory there is."""

import gc
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dark_model import dark_network
from nuseg.engines.batches import OutOfMemory, Sizes
from nuseg.engines.engine import Feeder, notes_of
from nuseg.engines.feeder import BatchFeeder
from nuseg.engines.maps import quantise
from nuseg.errors import NusegError

SIDE = 32
PIXELS = SIDE * SIDE


class Fake:
    """A device with room for so many pixels at a time, which notes what it is asked for."""

    def __init__(self, name: str = "fake:0", room: int | None = None, free: int | None = None) -> None:
        self.name, self.room, self.free = name, room, free
        self.batches: list[int] = []
        self.cleared = 0
        self.late = False  # memory lacks when a batch is waited for, not when it is begun
        self.gate = threading.Event()
        self.gate.set()

    def measure(self) -> tuple[int | None, float]:
        return self.free, 10.0

    def start(self, windows: Sequence[np.ndarray], bytes_out: bool, precise: bool = False) -> Any:
        self.gate.wait()
        batch = np.stack(windows)
        self.batches.append(len(batch))
        lacks = self.room is not None and batch[..., 0].size > self.room
        if lacks and not self.late:
            raise OutOfMemory
        return lacks, batch, bytes_out, precise

    def finish(self, running: Any) -> tuple[np.ndarray, np.ndarray]:
        lacks, batch, bytes_out, precise = running
        if lacks:
            raise OutOfMemory
        maps = dark_network(batch)
        good = np.array([precise or window[0, 0, 0] != 255 for window in batch])
        return np.stack([quantise(each) for each in maps]) if bytes_out else maps, good

    def clear(self) -> None:
        self.cleared += 1


@contextmanager
def feeder(*devices: Any, launch: int = 4 * PIXELS) -> Iterator[BatchFeeder]:
    engine = BatchFeeder(devices, launch)
    try:
        yield engine
    finally:
        engine.close()


def windows(count: int, height: int = SIDE, width: int = SIDE) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 255, (count, height, width, 3), np.uint8)


def test_it_is_a_feeder_and_an_engine_alike() -> None:
    batch = windows(5)
    with feeder(Fake()) as engine:
        assert isinstance(engine, Feeder)
        maps = engine(batch)
        np.testing.assert_array_equal(maps, dark_network(batch))
        np.testing.assert_array_equal(engine.submit(batch[0]).result(), quantise(maps[0]))
        assert notes_of(engine) == ()
    assert not isinstance(dark_network, Feeder)
    assert notes_of(dark_network) == ()


def test_every_batch_of_a_shape_has_the_same_number_of_windows() -> None:
    device = Fake()
    with feeder(device) as engine:
        engine(windows(1))
        engine(windows(6))
        assert set(device.batches) == {4}, "what is not full is filled up"
        engine(windows(3, 2 * SIDE, SIDE))
        assert set(device.batches) == {4, 2}


@settings(max_examples=25, deadline=None)
@given(
    shapes=st.lists(st.sampled_from([(SIDE, SIDE), (16, 48), (8, 8), (64, 64)]), min_size=1, max_size=12),
    room=st.sampled_from([None, 4096, 5000, 9000]),
    devices=st.integers(1, 3),
    late=st.booleans(),
)
def test_maps_do_not_depend_on_what_waits_beside_them_nor_on_memory(
    shapes: list[tuple[int, int]], room: int | None, devices: int, late: bool
) -> None:
    given_windows = [windows(number + 1, *shape)[number] for number, shape in enumerate(shapes)]
    fakes = [Fake(f"fake:{number}", room) for number in range(devices)]
    for fake in fakes:
        fake.late = late
    with feeder(*fakes, launch=64 * 64 * 3) as engine:
        futures = [engine.submit(window) for window in given_windows]
        for window, future in zip(given_windows, futures, strict=True):
            np.testing.assert_array_equal(future.result(timeout=20), quantise(dark_network(window[None])[0]))


@pytest.mark.parametrize("late", [False, True])
def test_where_memory_lacks_batches_are_halved_for_good_and_a_note_says_so(late: bool) -> None:
    device = Fake(room=PIXELS)
    device.late = late
    with feeder(device) as engine:
        batch = windows(4)
        np.testing.assert_array_equal(engine(batch), dark_network(batch))
        assert device.batches[0] == 4
        assert device.cleared == 2, "once for 4, once for 2"
        assert engine.in_flight(PIXELS) == 2
        assert len(engine.notes) == 1
        assert engine.notes[0].startswith("fake:0: less free memory than batches take")
        before = len(device.batches)
        engine(batch)
        assert device.batches[before:] == [1, 1, 1, 1], "it does not try again"


def test_a_window_that_finds_no_memory_at_all_says_what_to_do_and_the_next_one_is_done() -> None:
    device = Fake(room=PIXELS)
    with feeder(device) as engine:
        with pytest.raises(NusegError, match=r"device='fake:0': not enough memory for a window of 64 x 32 px; take a"):
            engine(windows(1, SIDE, 2 * SIDE))
        np.testing.assert_array_equal(engine(windows(1)), dark_network(windows(1)))


def test_sizes_come_from_the_free_memory_of_the_smallest_device() -> None:
    large, small = Fake("fake:0", free=10**9), Fake("fake:1", free=round(2.1 * PIXELS * 10 / 0.8))
    with feeder(large, small) as engine:
        assert engine.in_flight(PIXELS) == 2 * 2 * 2, "two devices, two batches of each, two windows of a batch"
        assert engine.in_flight(100 * PIXELS) == 4, "a window larger than that is tried all the same"
        assert [note.partition(":")[0] for note in engine.notes] == ["fake"]
        assert "fake:1" in engine.notes[0]
    with feeder(large) as engine:
        assert engine.notes == ()


def test_sizes_wait_for_the_last_device() -> None:
    sizes, found = Sizes(8 * PIXELS, 2), []
    asking = threading.Thread(target=lambda: found.append(sizes.windows(PIXELS)))
    asking.start()
    sizes.measured("one", None, 0)
    time.sleep(0.02)
    assert found == []
    sizes.measured("two", 10 * 3 * PIXELS, 8.0)
    asking.join(10)
    assert found == [3]


def test_windows_whose_numbers_16_bits_cannot_hold_are_computed_in_32() -> None:
    batch = windows(3)
    batch[1, 0, 0, 0] = 255  # what `Fake` cannot hold
    with feeder(Fake()) as engine:
        np.testing.assert_array_equal(engine(batch), dark_network(batch))
        assert engine.notes == (
            "fake:0: numbers of this network are too large for 16 bits; where that happened it computed in 32",
        )


def test_an_error_of_a_device_reaches_whoever_waits_and_ends_nothing() -> None:
    class Failing(Fake):
        def start(self, windows: Sequence[np.ndarray], bytes_out: bool, precise: bool = False) -> Any:
            if windows[0].shape[0] == 8:
                raise ValueError("broken")
            return super().start(windows, bytes_out, precise)

        def measure(self) -> tuple[int | None, float]:
            raise RuntimeError("no such counter")

    with feeder(Failing()) as engine:
        with pytest.raises(ValueError, match="broken"):
            engine(windows(1, 8, 8))
        np.testing.assert_array_equal(engine(windows(2)), dark_network(windows(2)))


def test_two_devices_share_what_waits() -> None:
    one, two = Fake("fake:0"), Fake("fake:1")
    one.gate.clear()  # held up: the other one does the rest
    with feeder(one, two) as engine:
        futures = [engine.submit(window) for window in windows(12)]
        deadline = time.monotonic() + 10
        while sum(future.done() for future in futures) < 8 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert sum(future.done() for future in futures) >= 8
        one.gate.set()
        assert all(future.result(10) is not None for future in futures)
    assert len(one.batches) <= 1, "the other one has taken what waited"


def test_an_engine_that_is_dropped_ends_its_threads() -> None:
    before = threading.active_count()
    engine = BatchFeeder([Fake("fake:0"), Fake("fake:1")])
    engine(windows(1))
    assert threading.active_count() == before + 2
    engine.close()
    with pytest.raises(NusegError, match="engine was closed"):
        engine.submit(windows(1)[0])
    dropped = BatchFeeder([Fake()])
    dropped(windows(1))
    del dropped
    gc.collect()
    assert threading.active_count() == before
