"""Where the nuclei of a result are: in memory, or in files that are read when they are needed."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from nuseg.results.batch import NucleiBatch

Box = tuple[float, float, float, float]  # left, top, right, bottom in px of level 0


class NucleiStore(Protocol):
    """Nuclei in batches, in the order of their ids."""

    def batches(self, box: Box | None = None) -> Iterator[NucleiBatch]:
        """Give all nuclei, or the batches that may hold some that meet a box."""
        ...

    def close(self) -> None:
        """Give up what is kept on disk."""
        ...


class MemoryStore:
    """Nuclei in memory."""

    def __init__(self, batches: Sequence[NucleiBatch]) -> None:
        self._batches = batches

    def batches(self, box: Box | None = None) -> Iterator[NucleiBatch]:
        """Give all nuclei."""
        return iter(self._batches)

    def close(self) -> None:
        """Nothing to give up."""
