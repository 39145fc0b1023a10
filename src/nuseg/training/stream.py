"""Training patches as they come: which batch is next is decided by the number of steps done, and by nothing else."""

import signal
from collections.abc import Callable, Iterator

import torch
from torch.utils.data import DataLoader

from nuseg.training.patches import Patch, Patches


class EpochNumbers:
    """The numbers of the patches of one epoch, batch by batch; each device has its own."""

    def __init__(self, batch: int, steps: int) -> None:
        self.batch, self.steps = batch, steps
        self.epoch = 0

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[int]]:
        rank, devices = 0, 1
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            rank, devices = torch.distributed.get_rank(), torch.distributed.get_world_size()
        # The epoch as it is now: what is asked for ahead, by workers, belongs to it as well.
        first = self.epoch * self.steps
        for step in range(first, first + self.steps):
            start = step * self.batch * devices
            yield list(range(start + rank, start + self.batch * devices, devices))


class PatchStream:
    """Batches of patches, an epoch at a time.

    Patch `i` of a run is a function of seed and `i` alone, and an epoch's numbers follow from the steps done when its
    first batch is asked for. So a training sees the same patches whether it is interrupted or not, with any number of
    workers, whatever these have prepared ahead.

    Parameters
    ----------
    patches
        All patches of the run, by number.
    batch, steps
        Patches in a step on each device, steps in an epoch.
    workers
        Processes that prepare patches; 0 = this one does.
    steps_done
        Gives how many steps the training has done, those before an interruption included.
    """

    def __init__(self, patches: Patches, batch: int, steps: int, workers: int, steps_done: Callable[[], int]) -> None:
        self.steps_done = steps_done
        self.numbers = EpochNumbers(batch, steps)
        self._running: Iterator[Patch] | None = None
        self._loader: DataLoader[Patch] | None = DataLoader(
            patches,
            batch_sampler=self.numbers,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=leave_interrupts if workers else None,
            generator=torch.Generator(),  # the global one is left to the network
        )

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Patch]:
        self._running = self._batches()
        return self._running

    def _batches(self) -> Iterator[Patch]:
        assert self._loader is not None, "closed"
        self.numbers.epoch = self.steps_done() // len(self)
        yield from self._loader

    def close(self) -> None:
        """End the workers; left to the garbage collector, each takes seconds to end, at some other time."""
        self._running = self._loader = None


def leave_interrupts(_worker: int) -> None:
    """Leave Ctrl-C, which every process of a terminal gets, to the training: it ends its workers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
