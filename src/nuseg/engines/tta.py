"""Test-time augmentation: the mean of an image's maps over its eight flips and 90-degree rotations."""

from collections.abc import Sequence

import numpy as np

from nuseg.engines.engine import Engine, Feeder, arithmetic_of, notes_of, release_memory

VIEWS = [(turns, mirrored) for turns in range(4) for mirrored in (False, True)]


class EightViews:
    """Test-time augmentation (TTA): an engine that runs every window in all eight flips and 90-degree rotations.

    The maps of the eight views are turned back and averaged, as in dihedral TTA.

    It costs eight times as much. Tiled still equals untiled: windows are padded to whole strides first, as the network
    itself would pad them, so that its grid lies at the same places in every orientation.

    Parameters
    ----------
    engine
        To average.
    stride
        Of the model (px).
    """

    def __init__(self, engine: Engine, stride: int) -> None:
        self.engine = engine
        self.stride = stride

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of what the engine did."""
        return notes_of(self.engine)

    @property
    def arithmetic(self) -> str:
        """How the engine computes; see `nuseg.engines.engine.arithmetic_of`."""
        return arithmetic_of(self.engine)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        height, width = batch.shape[1:3]
        padded = to_whole_strides(batch, self.stride)
        maps: dict[tuple[int, bool], np.ndarray] = {}
        for quarter in (0, 1):  # a quarter turn exchanges the sides: four views have one shape, four the other
            alike = [(turns, mirrored) for turns, mirrored in VIEWS if turns % 2 == quarter]
            maps |= zip(alike, self._run([view_of(padded, *view) for view in alike]), strict=True)
        mean: np.ndarray = np.stack([turned_back(maps[view], *view) for view in VIEWS]).mean(axis=0, dtype=np.float32)
        return mean[..., :height, :width]

    def release(self) -> None:
        """Give back the memory that windows took; see `nuseg.engines.engine.ByteEngine`."""
        release_memory(self.engine)

    def _run(self, batches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run the engine over batches of one shape: together where it gains by that, else one by one in less memory."""
        if isinstance(self.engine, Feeder):
            return np.split(self.engine(np.concatenate(batches)), len(batches))
        return [self.engine(batch) for batch in batches]


def to_whole_strides(batch: np.ndarray, stride: int) -> np.ndarray:
    """Pad a batch `(n, h, w, 3)` at its far sides to whole strides, as the network itself would."""
    far = [(0, -side % stride) for side in batch.shape[1:3]]
    return np.pad(batch, [(0, 0), *far, (0, 0)], mode="edge")


def view_of(batch: np.ndarray, turns: int, mirrored: bool) -> np.ndarray:
    """A batch `(n, h, w, 3)` after quarter turns, and mirrored."""
    turned = np.rot90(batch, turns, (1, 2))
    return np.ascontiguousarray(turned[:, :, ::-1] if mirrored else turned)


def turned_back(maps: np.ndarray, turns: int, mirrored: bool) -> np.ndarray:
    """The maps `(n, k, h, w)` of a view as they lie on the batch itself."""
    return np.rot90(maps[..., ::-1] if mirrored else maps, -turns, (2, 3))
