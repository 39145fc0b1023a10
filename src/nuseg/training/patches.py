"""Training patches: which image, which place and which changes, all decided by the seed and a running number."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset

from nuseg.datasets.dataset import Dataset
from nuseg.errors import NusegError
from nuseg.model.registry import find_heads
from nuseg.training.artefacts import add_artefact
from nuseg.training.augmentation import jitter_look, measure_colours, random_patch, restain
from nuseg.training.classes import TrainingImage, class_weights, load_training_image
from nuseg.training.config import TrainConfig
from nuseg.training.copy_paste import classes_after, copy_paste
from nuseg.training.layers import Layers
from nuseg.training.targets import find_touching, make_targets
from nuseg.training.teaching import TAUGHT, Teaching
from nuseg.training.unknown import UNKNOWN, find_whole, mark_unknown

RIM = 32  # px; cut around a patch, so that a nucleus at its edge has the distances that the whole nucleus has


class Patch(NamedTuple):
    """What a training step sees of one place; in a batch, each field of all patches as one tensor.

    Attributes
    ----------
    pixels : (3, size, size) uint8
        RGB.
    targets : dict of (channels, size, size) float32
        Of each head, by its name.
    touching : (1, size, size) float32
        1 where nuclei touch, else 0.
    known : (1, size, size) bool
        False where it is not known what is there: targets say nothing.
    whole : (1, size, size) bool
        False there, and in nuclei that touch such a place.
    instance : bool
        Whether the nuclei are annotated one by one.
    """

    pixels: torch.Tensor
    targets: dict[str, torch.Tensor]
    touching: torch.Tensor
    known: torch.Tensor
    whole: torch.Tensor
    instance: bool


class Shown(NamedTuple):
    """A training image, its layers as OpenCV warps them (labels by `mark_unknown`), and how it is magnified.

    Of the targets that the teacher knows, `taught_share` is its own.
    """

    image: TrainingImage
    layers: Layers
    zoom: float
    taught_share: float


class Patches(TorchDataset[Patch]):
    """Augmented patches of the training images, by number: number `i` is the same patch in every run.

    Images and labels are held in memory.

    Parameters
    ----------
    datasets
        The datasets to train on; their items of the split "train".
    config
        Patch size, resolution, heads, weights of the datasets, share of the teacher, augmentation, seed.
    teaching
        The maps of the teacher; default: there is none.
    """

    def __init__(self, datasets: Sequence[Dataset], config: TrainConfig, teaching: Teaching | None = None) -> None:
        self.config = config
        classes = config.network.classes
        self.heads = find_heads(config.network.heads, classes)
        self.images: list[Shown] = []
        shares: list[np.ndarray] = []
        unknown = set(config.data.weights) - {dataset.name for dataset in datasets}
        if unknown:
            known = ", ".join(dataset.name for dataset in datasets)
            raise NusegError(f"data.weights names {', '.join(sorted(unknown))}, but the datasets are {known}")
        for dataset in datasets:
            pixels_at_mpp = []
            for item in dataset.split("train"):
                image = load_training_image(item, dataset.annotation, classes)
                zoom = item.mpp / config.data.mpp
                of_use = not config.optimiser.freeze or image.classes[image.labels[~image.ignore]].any()
                taught = None if teaching is None else teaching.maps(image.pixels, item.mpp)
                layers = Layers(image.pixels, mark_unknown(image.labels, image.ignore), taught)
                alone = dataset.name in config.teacher.unlabelled
                self.images.append(Shown(image, layers, zoom, 1.0 if alone else config.teacher.share))
                pixels_at_mpp.append(np.count_nonzero(~image.ignore) * zoom**2 * of_use)
            share = np.array(pixels_at_mpp, float)
            if dataset.name in config.data.weights and share.any():
                share = share / share.sum()
            shares.append(share)
        if not self.images:
            raise NusegError(
                "no training images: every dataset's split 'train' is empty: prepare it with another split="
            )
        if not any(share.any() for share in shares):
            why = "has no nucleus of a known class" if config.optimiser.freeze else "is ignored as a whole"
            raise NusegError(f"nothing to train on: every image of the split 'train' {why}; annotate some of it")
        if config.augmentation.restain_probability:
            self.colours = [measure_colours(shown.image.pixels) for shown in self.images]
        how = config.optimiser
        self.class_weights = class_weights(
            [shown.image for shown in self.images], len(classes), how.class_balance, how.class_weight
        )
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
        shared: np.ndarray = chances / chances.sum()
        return shared

    def __getitem__(self, number: int) -> Patch:
        rng = np.random.default_rng([self.config.seed, number])
        chosen, other = rng.choice(len(self.chances), 2, p=self.chances)
        image, layers, zoom, taught_share = self.images[chosen]
        classes = image.classes
        how = self.config.augmentation
        side = self.config.data.window + 2 * RIM
        patch = random_patch(layers, side, zoom, how, rng)
        if image.instance and rng.random() < how.crowd_probability:
            classes = classes_after(classes, patch.labels)
            patch = copy_paste(patch, random_patch(layers, side, zoom, how, rng), rng)
        known = (patch.labels != UNKNOWN) & image.outlined
        patch = patch._replace(labels=np.maximum(patch.labels, 0))
        if rng.random() < how.restain_probability:
            restained = restain(patch.pixels, self.colours[chosen], self.colours[other], rng.random())
            patch = patch._replace(pixels=restained)
        # No number is drawn where artefacts are off: a training without them sees the patches that it always saw.
        if how.ink_probability and rng.random() < how.ink_probability:
            patch = add_artefact(patch, rng)
        inner = slice(RIM, -RIM)
        pixels, nuclei = jitter_look(patch.pixels[inner, inner], how, rng), patch.labels
        targets = make_targets(nuclei, self.heads, classes)
        if patch.taught is not None:
            for name, taught in zip(TAUGHT, np.moveaxis(patch.taught, 2, 0), strict=True):
                targets[name] += taught_share * (taught[None] / np.float32(255) - targets[name])
        for head in self.heads:
            if head.made_for is not None:
                targets[head.name] *= self.class_weights[:, None, None]
        return Patch(
            pixels=torch.from_numpy(pixels.transpose(2, 0, 1).copy()),
            targets={name: as_tensor(target[:, inner, inner]) for name, target in targets.items()},
            touching=as_tensor(find_touching(nuclei)[:, inner, inner]),
            known=as_tensor(known[None, inner, inner]),
            whole=as_tensor(find_whole(nuclei, known)[None, inner, inner]),
            instance=image.instance,
        )


def as_tensor(array: np.ndarray) -> torch.Tensor:
    """A tensor with memory of its own."""
    return torch.from_numpy(array.copy())
