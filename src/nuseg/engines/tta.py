"""Test-time augmentation: the mean of an image's maps over its eight orientations, mirrored and turned."""

import numpy as np

from nuseg.segmentation.tiling import Network


class EightOrientations:
    """A network that sees every window in eight orientations, and gives the mean of the maps.

    It costs eight times as much. Tiled still equals untiled: windows are padded to whole strides first, as the network
    itself would pad them, so that the network's grid lies at the same places in every orientation.

    Parameters
    ----------
    network
        To average; as its argument and result.
    stride
        Of the model (px).
    """

    def __init__(self, network: Network, stride: int) -> None:
        self.network = network
        self.stride = stride

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        height, width = batch.shape[1:3]
        far = [(0, -side % self.stride) for side in (height, width)]
        padded = np.pad(batch, [(0, 0), *far, (0, 0)], mode="edge")
        maps = []
        for turns in range(4):
            turned = np.rot90(padded, turns, (1, 2))
            maps.append(np.rot90(self.network(np.ascontiguousarray(turned)), -turns, (2, 3)))
            mirrored = self.network(np.ascontiguousarray(turned[:, :, ::-1]))
            maps.append(np.rot90(mirrored[..., ::-1], -turns, (2, 3)))
        return np.stack(maps).mean(axis=0, dtype=np.float32)[..., :height, :width]
