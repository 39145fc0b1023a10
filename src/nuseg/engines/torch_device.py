"""A network on one device by PyTorch: everything that nuseg asks of a GPU is asked here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nuseg.engines.batches import OutOfMemory
from nuseg.model.network import Network
from nuseg.types import RGB, Mask

SAMPLE = 1024  # px; side of the window by which memory is measured
TENSOR_CORES = (7, 0)  # CUDA's compute capability from which 16 bits are the faster ones
FULL = 255

settings = Lock()  # PyTorch's settings belong to the process


@dataclass(frozen=True, eq=False)
class Running:
    """A batch in work.

    Attributes
    ----------
    maps : Tensor
        `(n, k, h, w)` in the memory of the CPU, once all is done.
    good : Tensor
        `(n,)` bool there: which maps are numbers.
    done : event, optional
        Of the device; None = done already.
    held : tuple
        What the device still reads.
    """

    maps: Tensor
    good: Tensor
    done: Any = None
    held: tuple[Tensor, ...] = ()


class TorchDevice:
    """A network on a device; see `nuseg.engines.batches.Device`. One thread calls it at a time.

    Parameters
    ----------
    network : Network
        Is moved there.
    name : str
        "cuda:0", "mps" or "cpu".
    half : dtype, optional
        16-bit numbers to compute in; None = 32 bits.
    """

    def __init__(self, network: Network, name: str, half: torch.dtype | None = None) -> None:
        self.name, self.half = name, half
        self.device = torch.device(name)
        self.network = network.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._streams: _Streams | None = _Streams(self.device) if self.device.type == "cuda" else None

    def measure(self) -> tuple[int | None, float]:
        """Free memory and what a pixel takes of it (bytes), by a first window, which also makes PyTorch ready."""
        sample = [np.zeros((SAMPLE, SAMPLE, self.network.in_channels), np.uint8)]
        if self._streams is None:
            return None, 0.0
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device)
        self.finish(self.start(sample, bytes_out=True))
        taken = torch.cuda.max_memory_allocated(self.device) - before
        torch.cuda.empty_cache()
        free, _total = torch.cuda.mem_get_info(self.device)
        return free, taken / SAMPLE**2

    def start(self, windows: Sequence[RGB], bytes_out: bool, precise: bool = False) -> Running:
        """Begin a batch; see `nuseg.engines.batches.Device`."""
        with memory_errors(), torch.inference_mode():
            if self._streams is None:
                sent = torch.from_numpy(np.stack(windows)).to(self.device)
                maps, good = self._compute(sent, bytes_out, precise)
                return Running(maps.cpu(), good.cpu())
            return self._start_beside(self._streams, windows, bytes_out, precise)

    def finish(self, running: Running) -> tuple[np.ndarray, Mask]:
        """Wait for a batch; see `nuseg.engines.batches.Device`."""
        with memory_errors():
            if running.done is not None:
                running.done.synchronize()
        return running.maps.numpy(), running.good.numpy()

    def clear(self) -> None:
        """Wait for all that is in work, and give memory back."""
        if self._streams is not None:
            torch.cuda.synchronize(self.device)
            torch.cuda.empty_cache()

    def _start_beside(self, streams: "_Streams", windows: Sequence[RGB], bytes_out: bool, precise: bool) -> Running:
        """Send, compute and fetch a batch in streams of their own, so that each goes on beside the others'.

        Only from and to memory that the system keeps in its place ("pinned") does a device copy by itself.
        """
        host = torch.empty((len(windows), *windows[0].shape), dtype=torch.uint8, pin_memory=True)
        for place, window in zip(host.numpy(), windows, strict=True):
            place[...] = window
        with torch.cuda.stream(streams.sending):
            sent = host.to(self.device, non_blocking=True)
        with torch.cuda.stream(streams.computing):
            streams.computing.wait_stream(streams.sending)
            maps, good = self._compute(sent, bytes_out, precise)
        with torch.cuda.stream(streams.fetching):
            streams.fetching.wait_stream(streams.computing)
            fetched = [
                torch.empty(each.shape, dtype=each.dtype, pin_memory=True).copy_(each, non_blocking=True)
                for each in (maps, good)
            ]
            done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
            done.record(streams.fetching)
        # Memory is given back to the stream that it came from, which does not know who else reads it: until all is
        # done it is held.
        return Running(fetched[0], fetched[1], done, (host, sent, maps, good))

    def _compute(self, sent: Tensor, bytes_out: bool, precise: bool) -> tuple[Tensor, Tensor]:
        """Maps of a batch `(n, h, w, 3)` uint8, and of which windows they are numbers; all of it on the device."""
        half = None if precise else self.half
        pixels = sent.permute(0, 3, 1, 2).to(half or torch.float32)  # 0..255 are the same numbers in 16 bits
        with steady_kernels(), torch.autocast(self.device.type, dtype=half, enabled=half is not None):
            maps = self.network.maps(pixels).float()
        good = maps.isfinite().flatten(1).all(dim=1)
        if bytes_out:
            maps = (maps * FULL).round().clamp(0, FULL).to(torch.uint8)
        return maps.contiguous(), good


class _Streams:
    """The streams of a GPU: what is in one of them goes on beside the others."""

    def __init__(self, device: torch.device) -> None:
        made = [torch.cuda.Stream(device) for _ in range(3)]  # type: ignore[no-untyped-call]
        self.sending, self.computing, self.fetching = made


@contextmanager
def memory_errors() -> Iterator[None]:
    """Raise `OutOfMemory` where PyTorch says that of its device."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(str(error)) from None
    except RuntimeError as error:  # libraries below PyTorch say it in their own ways
        if "out of memory" in str(error).lower() or "CUBLAS_STATUS_ALLOC_FAILED" in str(error):
            raise OutOfMemory(str(error)) from None
        raise


@contextmanager
def steady_kernels() -> Iterator[None]:
    """Have cuDNN choose its methods by the shapes alone, and only those that give the same numbers each time."""
    cudnn = torch.backends.cudnn
    with settings:
        before = cudnn.benchmark, cudnn.deterministic
        cudnn.benchmark, cudnn.deterministic = False, True
        try:
            yield
        finally:
            cudnn.benchmark, cudnn.deterministic = before


def half_of(name: str) -> torch.dtype | None:
    """The 16-bit numbers that a device computes fastest in; None = it is not known to gain by any."""
    device = torch.device(name)
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < TENSOR_CORES:
        return None
    return torch.float16
