"""Which patches come next: those after the steps that are done, whatever workers have prepared ahead."""

import multiprocessing
from itertools import islice

import pytest
from torch.utils.data import Dataset as TorchDataset

from nuseg.training.stream import EpochNumbers, PatchStream

BATCH, STEPS = 3, 2


class Numbered(TorchDataset[int]):
    """Every patch is its own number."""

    def __getitem__(self, number: int) -> int:
        return number


def epochs(workers: int, first: int, last: int) -> list[int]:
    """Numbers of the patches of some epochs; each iterator is left when it has given what Lightning takes."""
    done = [first * STEPS]
    stream = PatchStream(Numbered(), BATCH, STEPS, workers, lambda: done[0])
    seen: list[int] = []
    for _ in range(first, last):
        ahead = iter(stream)  # as Lightning does, before it has said which epoch comes
        for batch in islice(ahead, len(stream)):
            seen += batch.tolist()
            done[0] += 1
        del ahead
    stream.close()  # workers that are left to the garbage collector may be killed, which PyTorch raises anywhere
    return seen


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_an_interrupted_training_sees_what_an_uninterrupted_one_sees(workers: int) -> None:
    whole = epochs(workers, 0, 3)
    assert whole == list(range(18))
    assert epochs(workers, 0, 1) + epochs(workers, 1, 3) == whole


def test_each_device_has_patches_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = EpochNumbers(BATCH, STEPS)
    numbers.epoch = 1
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 2)
    seen = []
    for rank in range(2):
        monkeypatch.setattr("torch.distributed.get_rank", lambda rank=rank: rank)
        seen.append(list(numbers))
    assert seen == [[[12, 14, 16], [18, 20, 22]], [[13, 15, 17], [19, 21, 23]]]


def test_a_closed_stream_leaves_no_worker() -> None:
    before = set(multiprocessing.active_children())
    stream = PatchStream(Numbered(), BATCH, STEPS, 2, lambda: 0)
    batches = iter(stream)
    next(batches)
    assert len(set(multiprocessing.active_children()) - before) == 2
    del batches
    stream.close()
    assert set(multiprocessing.active_children()) <= before
