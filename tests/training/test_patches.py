"""Which patches a training sees."""

import numpy as np
import pytest

from nuseg.datasets.dataset import Dataset
from nuseg.errors import NusegError
from nuseg.training.config import load_config
from nuseg.training.patches import Patches

SMALL = ["data.window=32"]


def test_a_number_is_the_same_patch_in_every_run(tiny_dataset):
    data = Dataset.load(tiny_dataset)
    first, again = (Patches([data], load_config(overrides=SMALL)) for _ in range(2))
    other = Patches([data], load_config(overrides=[*SMALL, "seed=1"]))
    for number in (0, 7):
        patch, same = first[number], again[number]
        assert patch.pixels.shape == (3, 32, 32)
        shapes = {name: target.shape for name, target in patch.targets.items()}
        assert shapes == {"mask": (1, 32, 32), "distance": (1, 32, 32), "offsets": (2, 32, 32)}
        assert patch.touching.shape == (1, 32, 32)
        assert patch.instance is True
        assert (patch.pixels == same.pixels).all()
        assert (patch.touching == same.touching).all()
        assert all((target == same.targets[name]).all() for name, target in patch.targets.items())
    assert (first[0].pixels != first[1].pixels).any()
    assert (first[0].pixels != other[0].pixels).any()


def test_only_training_images_are_drawn(tiny_dataset):
    data = Dataset.load(tiny_dataset)
    assert len(Patches([data], load_config(overrides=SMALL)).images) == len(data.split("train"))


def test_weights_share_the_patches_out(tiny_dataset, tiny_binary_dataset):
    datasets = [Dataset.load(tiny_dataset), Dataset.load(tiny_binary_dataset)]
    patches = Patches(datasets, load_config(overrides=[*SMALL, "data.weights.tiny-binary=0.8"]))
    chances = patches.chances
    assert chances.sum() == pytest.approx(1)
    assert chances[3:].sum() == pytest.approx(0.8)
    drawn = [patches[number].instance for number in range(200)]
    assert np.mean(drawn) == pytest.approx(0.2, abs=0.1)
    by_pixels = Patches(datasets, load_config(overrides=SMALL)).chances
    # Images 0 and 2 are at 0.25 um/px, 1 at 0.5: four times the pixels at the model's resolution.
    np.testing.assert_allclose(by_pixels, np.array([1, 4, 1, 1, 4]) / 11)


def test_an_unknown_dataset_in_the_weights_is_named(tiny_dataset):
    with pytest.raises(NusegError, match="names other, but the datasets are tiny"):
        Patches([Dataset.load(tiny_dataset)], load_config(overrides=[*SMALL, "data.weights.other=1"]))


def test_artefacts_darken_patches_and_hides_nuclei(tiny_dataset):
    data = Dataset.load(tiny_dataset)
    still = [f"augmentation.{name}_probability=0" for name in ("crowd", "restain", "blur", "noise", "jpeg")]
    still += [f"augmentation.{name}=0" for name in ("stain", "stain_shift", "brightness", "contrast")]
    still += ["data.window=96"]
    plain = Patches([data], load_config(overrides=still))
    inked = Patches([data], load_config(overrides=[*still, "augmentation.ink_probability=1"]))
    changed_patches = 0
    for number in range(40):
        before, after = plain[number].pixels, inked[number].pixels
        mask_before, mask_after = plain[number].targets["mask"], inked[number].targets["mask"]
        changed = (before != after).any(dim=0)
        changed_patches += bool(changed.any())
        darker = after.float().mean(dim=0) <= before.float().mean(dim=0) + 1
        assert darker[changed].float().mean() > 0.9 or not changed.any()
        assert (mask_after[0] <= mask_before[0]).all()  # nuclei only lose pixels
        assert (mask_after[0] == mask_before[0])[~changed].all()
    assert changed_patches > 10
