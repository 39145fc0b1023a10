"""What is ignored has no influence on what a training sees, but through its pixels."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from examples import as_example
from write_ignore import add_ignore, change_dataset

from nuseg.datasets.dataset import Dataset, load_item
from nuseg.errors import NusegError
from nuseg.evaluation.object import object_scores
from nuseg.io.image import write_png
from nuseg.training.calibrate import find_validation_nuclei
from nuseg.training.config import load_config
from nuseg.training.patches import Patches
from nuseg.training.targets import perfect_maps
from nuseg.training.tune import START
from nuseg.training.unknown import find_whole, mark_unknown
from nuseg.training.validation import check_splits, choose_validation

SMALL = ["data.window=64", "augmentation.crowd_probability=1", "augmentation.ink_probability=0.5"]


@pytest.fixture
def dataset(tiny_dataset: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_dataset, tmp_path / "tiny")


def left_half(shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape[:2], bool)
    mask[:, : shape[1] // 2] = True
    return mask


def test_whole_nuclei_by_hand():
    labels = np.array([[1, 1, 0, 2, 2, 0, 3], [0, 0, 0, 0, 0, 0, 3]])
    ignore = np.zeros(labels.shape, bool)
    ignore[:, 2] = True
    known = mark_unknown(labels, ignore) >= 0
    # The first two touch what is ignored; the third does not.
    expected = np.array([[0, 0, 0, 0, 0, 1, 1], [1, 1, 0, 1, 1, 1, 1]], bool)
    np.testing.assert_array_equal(find_whole(np.where(ignore, 0, labels), known), expected)
    assert find_whole(labels, np.ones(labels.shape, bool)).all()
    assert not find_whole(labels, np.zeros(labels.shape, bool)).any()


@pytest.mark.parametrize("kind", ["instance", "binary"])
def test_labels_in_ignored_areas_change_no_patch(dataset: Path, kind: str):
    change_dataset(dataset, annotation=kind)
    add_ignore(dataset, "train", left_half)
    config = load_config(overrides=SMALL)
    before = Patches([Dataset.load(dataset)], config)
    rng = np.random.default_rng(0)
    for item in Dataset.load(dataset).split("train"):
        labels = load_item(item)[1]
        inside = left_half(labels.shape)
        # As noise, as emptiness, as other nuclei: what stood there is not asked for.
        write_png(item.label, np.where(inside, rng.integers(0, 9, labels.shape), labels).astype(np.uint16))
    after = Patches([Dataset.load(dataset)], config)
    some, all_known = False, True
    for number in range(12):
        one, other = before[number], after[number]
        for name in ("pixels", "known", "whole", "touching"):
            assert torch.equal(getattr(one, name), getattr(other, name))
        assert all(torch.equal(one.targets[name], other.targets[name]) for name in one.targets)
        assert not (one.whole & ~one.known).any()
        some |= bool(one.known.any())
        all_known &= bool(one.known.all())
    assert some
    assert not all_known


def test_an_ignore_mask_is_warped_with_the_patch(dataset: Path):
    # What is ignored is blue: wherever the patch is blue, and there alone, nothing is known.
    add_ignore(dataset, "train", left_half)
    still = [f"augmentation.{name}_probability=0" for name in ("crowd", "restain", "blur", "noise", "jpeg")]
    still += [f"augmentation.{name}=0" for name in ("stain", "stain_shift", "brightness", "contrast")]
    for item in Dataset.load(dataset).split("train"):
        pixels = load_item(item)[0]
        write_png(item.image, np.where(left_half(pixels.shape)[..., None], (0, 0, 255), (255, 0, 0)).astype(np.uint8))
    patches = Patches([Dataset.load(dataset)], load_config(overrides=[*still, "data.window=64"]))
    for number in range(8):
        patch = patches[number]
        blue = patch.pixels[2] > patch.pixels[0]
        assert (blue != patch.known[0]).float().mean() > 0.97  # but for the line between, which is interpolated


def test_images_are_drawn_by_what_is_known_of_them(dataset: Path):
    whole = Patches([Dataset.load(dataset)], load_config(overrides=["data.window=32"])).chances
    first = Dataset.load(dataset).split("train")[0].name
    add_ignore(dataset, "train", lambda shape: np.ones(shape[:2], bool), only=first)
    chances = Patches([Dataset.load(dataset)], load_config(overrides=["data.window=32"])).chances
    assert chances[0] == 0
    np.testing.assert_allclose(chances[1:], whole[1:] / whole[1:].sum())


def test_nothing_known_is_nothing_to_train_on(dataset: Path):
    add_ignore(dataset, "train", lambda shape: np.ones(shape[:2], bool))
    for overrides in ([], ["data.weights.tiny=1"]):
        with pytest.raises(NusegError, match="every image of the split 'train' is ignored as a whole"):
            Patches([Dataset.load(dataset)], load_config(overrides=overrides))


def test_images_whose_nuclei_are_all_ignored_choose_nothing(dataset: Path):
    add_ignore(dataset, "validation", lambda shape: np.ones(shape[:2], bool), only="3")
    names = {shown.item.name for shown in choose_validation([Dataset.load(dataset)]).images}
    assert names == {item.name for item in Dataset.load(dataset).split("validation")} - {"3"}
    add_ignore(dataset, "validation", lambda shape: np.ones(shape[:2], bool))
    with pytest.raises(NusegError, match="no validation image"):
        choose_validation([Dataset.load(dataset)])


def squares(*corners: tuple[int, int]) -> np.ndarray:
    labels = np.zeros((64, 96), np.int32)
    for number, (y, x) in enumerate(corners, 1):
        labels[y : y + 14, x : x + 14] = number
    return labels


def test_thresholds_calibration_and_counts_leave_ignored_nuclei_out():
    # Of three nuclei found one is right, one wrong, one in an ignored area, where a true one is missed as well.
    true, found = squares((4, 4), (40, 70)), squares((4, 4), (40, 10), (4, 70))
    ignore = np.zeros(true.shape, bool)
    ignore[:, 60:] = True
    example = as_example(perfect_maps(found), true, 0.25, "a")
    unaware = find_validation_nuclei(example, START)
    aware = find_validation_nuclei(as_example(perfect_maps(found), true, 0.25, "a", ignore), START)
    assert (unaware.matched.sum(), unaware.matched.size) == (1, 3)
    assert (aware.matched.sum(), aware.matched.size, aware.raw_probability.size) == (1, 2, 2)
    assert (unaware.counts.true.sum(), unaware.counts.found.sum()) == (2, 3)
    assert (aware.counts.true.sum(), aware.counts.found.sum()) == (1, 2)
    scores = as_example(perfect_maps(found), true, 0.25, "a", ignore).score(START)
    assert (scores["f1"], example.score(START)["f1"]) == pytest.approx((2 / 3, 2 / 5))
    assert scores == object_scores(true, example.find(START)[0], ignore)


def test_points_are_refused(dataset: Path):
    change_dataset(dataset, annotation="points")
    points = dataset / "points.csv"
    points.write_text("x,y,class\n3,3,\n")
    change_dataset(dataset, item={"label": None, "points": points.name})
    with pytest.raises(NusegError, match=r"tiny: nuclei are annotated by points, .*nuseg evaluate"):
        check_splits([Dataset.load(dataset)])
