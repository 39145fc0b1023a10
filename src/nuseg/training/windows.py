"""Training windows: which image, which window and which changes, all decided by the seed and a running number."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler

from nuseg.datasets.dataset import Dataset, load_item
from nuseg.errors import NusegError
from nuseg.training.artefacts import add_ink
from nuseg.training.augmentation import jitter_look, measure_colours, random_window, restain
from nuseg.training.config import TrainConfig
from nuseg.training.copy_paste import crowd
from nuseg.training.targets import find_touching, make_offsets, make_targets

RIM = 32  # px; cut around a window, so that a nucleus at its edge has the distances that the whole nucleus has


class Windows(TorchDataset):
    """Augmented windows of the training images, by number: number `i` is the same window in every run.

    Images and labels are held in memory.

    Parameters
    ----------
    datasets
        The datasets to train on; their items of the split "train".
    config
        Window size, resolution, weights of the datasets, augmentation, seed.
    """

    def __init__(self, datasets: Sequence[Dataset], config: TrainConfig) -> None:
        self.config = config
        self.images: list[tuple[np.ndarray, np.ndarray, float, bool]] = []
        shares: list[np.ndarray] = []
        unknown = set(config.data.weights) - {dataset.name for dataset in datasets}
        if unknown:
            known = ", ".join(dataset.name for dataset in datasets)
            raise NusegError(f"data.weights names {', '.join(sorted(unknown))}, but the datasets are {known}")
        for dataset in datasets:
            pixels_at_mpp = []
            for item in dataset.split("train"):
                pixels, labels = load_item(item)
                zoom = item.mpp / config.data.mpp
                self.images.append((pixels, labels.astype(np.float32), zoom, dataset.annotation == "instance"))
                pixels_at_mpp.append(labels.size * zoom**2)
            share = np.array(pixels_at_mpp, float)
            if dataset.name in config.data.weights and len(share):
                share = share / share.sum()
            shares.append(share)
        if not self.images:
            raise NusegError("no training images: every dataset's split 'train' is empty (see nuseg prepare --split)")
        if config.augmentation.restain_probability:
            self.colours = [measure_colours(pixels) for pixels, *_ in self.images]
        self.chances = self._chances(datasets, shares)

    def _chances(self, datasets: Sequence[Dataset], shares: list[np.ndarray]) -> np.ndarray:
        """Probability of each image: named datasets have their weight, the others share the rest by pixels."""
        weights = self.config.data.weights
        unnamed = sum(share.sum() for d, share in zip(datasets, shares, strict=True) if d.name not in weights)
        rest = max(1 - sum(weights.values()), 0.0)
        chances = np.concatenate(
            [
                share * weights[d.name] if d.name in weights else share * (rest / max(unnamed, 1))
                for d, share in zip(datasets, shares, strict=True)
            ]
        )
        if chances.sum() <= 0:
            raise NusegError("data.weights leave no dataset with a chance to be drawn: raise one above 0")
        return chances / chances.sum()

    def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor, bool]:
        """Window `number`: pixels `(3, size, size)` uint8, targets `(5, size, size)` float32, instance-annotated.

        Targets are those of `make_targets`, `make_offsets` and `find_touching`.
        """
        rng = np.random.default_rng([self.config.seed, number])
        chosen, other = rng.choice(len(self.chances), 2, p=self.chances)
        pixels, labels, zoom, instance = self.images[chosen]
        how = self.config.augmentation
        side = self.config.data.window + 2 * RIM
        window, nuclei = random_window(pixels, labels, side, zoom, how, rng)
        if instance and rng.random() < how.crowd_probability:
            window, nuclei = crowd(window, nuclei, *random_window(pixels, labels, side, zoom, how, rng), rng)
        if rng.random() < how.restain_probability:
            window = restain(window, self.colours[chosen], self.colours[other], rng.random())
        # No number is drawn where ink is off: a training without it sees the windows that it always saw.
        if how.ink_probability and rng.random() < how.ink_probability:
            window, nuclei = add_ink(window, nuclei, rng)
        inner = slice(RIM, -RIM)
        window = jitter_look(window[inner, inner], how, rng)
        made = make_targets(nuclei), make_offsets(nuclei), find_touching(nuclei)[None]
        targets = np.concatenate(made)[:, inner, inner]
        return torch.from_numpy(window.transpose(2, 0, 1).copy()), torch.from_numpy(targets.copy()), instance


class WindowNumbers(Sampler[int]):
    """The numbers of an epoch's windows: new ones each epoch, and each device its own.

    Lightning calls `set_epoch` before each epoch, also after resuming: that makes a resumed training see exactly
    the windows that it would have seen.
    """

    def __init__(self, per_epoch: int) -> None:
        self.per_epoch = per_epoch
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.per_epoch

    def __iter__(self) -> Iterator[int]:
        rank, devices = 0, 1
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            rank, devices = torch.distributed.get_rank(), torch.distributed.get_world_size()
        start = self.epoch * self.per_epoch * devices
        return iter(range(start + rank, start + self.per_epoch * devices, devices))
