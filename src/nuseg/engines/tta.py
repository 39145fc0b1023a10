"""Test-time augmentation: the mean of an image's maps over its eight flips and 90-degree rotations."""

import numpy as np

from nuseg.engines.engine import Engine


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

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        height, width = batch.shape[1:3]
        far = [(0, -side % self.stride) for side in (height, width)]
        padded = np.pad(batch, [(0, 0), *far, (0, 0)], mode="edge")
        maps = []
        for turns in range(4):
            turned = np.rot90(padded, turns, (1, 2))
            maps.append(np.rot90(self.engine(np.ascontiguousarray(turned)), -turns, (2, 3)))
            mirrored = self.engine(np.ascontiguousarray(turned[:, :, ::-1]))
            maps.append(np.rot90(mirrored[..., ::-1], -turns, (2, 3)))
        mean: np.ndarray = np.stack(maps).mean(axis=0, dtype=np.float32)
        return mean[..., :height, :width]
