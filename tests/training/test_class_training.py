"""Classes in training: which patches teach which class, and a class head that is trained alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from classed import CLASSES, COLOURS, write_classed

from nuseg.annotations.tables import Points
from nuseg.datasets.dataset import Dataset
from nuseg.engines.loading import load_engine
from nuseg.errors import NusegError
from nuseg.model.export import load_network
from nuseg.model.store import Model
from nuseg.segmentation.segmenter import Segmenter
from nuseg.training.averaging import drawn_towards
from nuseg.training.class_choice import fit_temperature
from nuseg.training.classes import class_numbers, class_weights, draw_discs, load_training_image, with_classes
from nuseg.training.config import load_config
from nuseg.training.copy_paste import classes_after, copy_paste
from nuseg.training.fit import train
from nuseg.training.layers import Layers
from nuseg.training.module import known_weights
from nuseg.training.patches import Patches
from nuseg.training.start import follow_start, with_branch
from nuseg.training.validation import check_splits, choose_validation

HEADS = "network.heads=[mask, distance, offsets, classes]"
SPLITS = ("train", "train", "validation", "test")
TINY = [
    "network.preset=unet-small",
    "data.window=64",
    "data.batch=4",
    "data.workers=0",
    "optimiser.steps=20",
    "optimiser.epochs=1",
    "optimiser.lr=0.01",
    "compute.accelerator=cpu",
    "compute.precision=32-true",
]


@pytest.fixture(scope="module")
def outlined(tmp_path_factory) -> Path:
    return write_classed(tmp_path_factory.mktemp("classed") / "outlined", SPLITS, named=0.7)


@pytest.fixture(scope="module")
def dotted(tmp_path_factory) -> Path:
    return write_classed(tmp_path_factory.mktemp("classed") / "dotted", SPLITS, points=True)


@pytest.fixture(scope="module")
def started(outlined, tmp_path_factory) -> Model:
    return train([outlined], tmp_path_factory.mktemp("start") / "run", load_config(overrides=TINY), progress=False)


def settings(*more: str) -> list[str]:
    return ["data.window=64", HEADS, *more]


def redness(name: str) -> float:
    return COLOURS[name][0] / sum(COLOURS[name])


def patches_of(*datasets: Path, more: tuple[str, ...] = ()) -> Patches:
    loaded = [Dataset.load(path) for path in datasets]
    return Patches(loaded, with_classes(load_config(overrides=settings(*more)), loaded))


STILL = [
    *(f"augmentation.{name}_probability=0" for name in ("restain", "blur", "noise", "jpeg")),
    *(f"augmentation.{name}=0" for name in ("stain", "stain_shift", "brightness", "contrast")),
]


@pytest.mark.parametrize("kind", ["outlined", "dotted"])
def test_every_pixel_that_teaches_a_class_has_its_colour(kind: str, request):
    """After turning, bending, pasting and ink: where the target says dark, it is dark."""
    more = (*STILL, "augmentation.crowd_probability=1", "augmentation.ink_probability=0.3", "optimiser.class_balance=0")
    patches = patches_of(request.getfixturevalue(kind), more=more)
    taught = np.zeros(2, int)
    wrong = 0
    for number in range(12):
        patch = patches[number]
        brightness = patch.pixels.float().mean(0)
        target = patch.targets["classes"]
        middle = np.mean([np.mean(colour) for colour in COLOURS.values()])
        for channel, name in enumerate(CLASSES):
            where = target[channel] > 0
            taught[channel] += int(where.sum())
            wrong += int(((brightness[where] < middle) != (name == "dark")).sum())
        assert (target.sum(0) <= 1).all()
        if kind == "dotted":
            assert not patch.known.any()
            assert not patch.whole.any()
        else:
            assert ((target.sum(0) > 0) <= (patch.targets["mask"][0] > 0)).all()
    assert (taught > 200).all()
    assert wrong < 0.06 * taught.sum()  # the soft edges of pasted nuclei, and of small ones


def test_pasted_nuclei_keep_their_class():
    classes = np.array([0, 1, 2, 1, 0])
    labels, others = np.zeros((60, 60), np.int32), np.zeros((60, 60), np.int32)
    labels[2:12, 2:12] = 2
    for number, x in ((1, 2), (3, 22), (4, 42)):
        others[30:40, x : x + 10] = number
    pixels = np.zeros((60, 60, 3), np.uint8)
    after = classes_after(classes, labels)
    seen = set()
    for seed in range(8):
        drawn = np.random.default_rng(seed)
        _, pasted, _ = copy_paste(Layers(pixels, labels), Layers(pixels, others), drawn)
        new = pasted != labels
        np.testing.assert_array_equal(after[pasted][new], classes[others][new])
        np.testing.assert_array_equal(after[pasted][~new], classes[labels][~new])
        seen |= set(np.unique(after[pasted][new]).tolist())
    assert seen == {0, 1}


def test_nuclei_without_a_class_teach_none(outlined: Path):
    item = Dataset.load(outlined).items[0]
    image = load_training_image(item, "instance", ("pale", "missing"))
    rows = (outlined / "nuclei" / "0.csv").read_text().splitlines()[1:]
    expected = [0, *(int(row.split(",")[1] == "pale") for row in rows)]
    assert image.classes.tolist() == expected
    assert class_numbers(np.array([2, 9]), ["a", "b"], ("b", "a"), 3).tolist() == [0, 0, 2, 0]


def test_discs_by_hand():
    xy = np.array([[5.5, 5.5], [9.5, 5.5], [20.5, 5.5], [99.0, 5.0]])
    discs = draw_discs(Points(xy, ("a", "b", None, "a")), (12, 30), 3.0)
    assert set(np.unique(discs)) == {0, 1, 2}
    assert (discs[5, 5], discs[5, 9], discs[5, 6], discs[5, 8], discs[5, 20]) == (1, 2, 1, 2, 0)
    assert np.count_nonzero(discs[:, :5] == 1) == 11  # the left half of a disc of radius 3
    assert not draw_discs(Points(np.zeros((0, 2)), ()), (4, 5), 2.0).any()


def test_weights_of_classes_by_hand(outlined: Path):
    image = load_training_image(Dataset.load(outlined).items[0], "instance", CLASSES)
    few, many = sorted(np.bincount(image.classes, minlength=3)[1:])
    inverse = class_weights([image], 2, balance=1, largest=100)
    assert sorted(inverse) == pytest.approx([(few + many) / 2 / many, (few + many) / 2 / few])
    assert class_weights([image], 2, balance=0, largest=100).tolist() == [1, 1]
    assert max(class_weights([image], 3, balance=1, largest=1.01)) == pytest.approx(1.01)


def test_names_are_those_of_the_datasets_unless_stated(outlined: Path, started: Model):
    loaded = [Dataset.load(outlined)]
    assert with_classes(load_config(overrides=[HEADS]), loaded).network.classes == CLASSES
    assert with_classes(load_config(), loaded).network.classes == ()
    turned = load_config(overrides=[HEADS, "network.classes=[pale, dark]"])
    assert with_classes(turned, loaded).network.classes == ("pale", "dark")
    with pytest.raises(NusegError, match="no dataset has the class 'grey', they have 'dark', 'pale'"):
        with_classes(load_config(overrides=[HEADS, "network.classes=[pale, grey]"]), loaded)
    with pytest.raises(NusegError, match="two classes or more"):
        with_classes(load_config(overrides=[HEADS, "network.classes=[pale]"]), loaded)
    with pytest.raises(NusegError, match="classes needs the head classes"):
        load_config(overrides=["network.classes=[pale, dark]"])


def test_datasets_without_classes_cannot_teach_them(tiny_dataset: Path):
    with pytest.raises(NusegError, match="no nucleus has a class"):
        with_classes(load_config(overrides=[HEADS]), [Dataset.load(tiny_dataset)])


def test_points_alone_need_a_frozen_model(dotted: Path):
    loaded = [Dataset.load(dotted)]
    with pytest.raises(NusegError, match=r"points alone.*optimiser\.freeze=true"):
        check_splits(loaded, classes=True)
    assert check_splits(loaded, classes=True, frozen=True) == []
    with pytest.raises(NusegError, match="annotated by points"):
        check_splits(loaded)


def test_what_chooses_the_epoch(outlined: Path, dotted: Path):
    loaded = [Dataset.load(outlined), Dataset.load(dotted)]
    by_class = choose_validation(loaded, by_class=True, classes=CLASSES)
    assert by_class.monitor == "validation/class_f1"
    assert [shown.dataset.annotation for shown in by_class.images] == ["instance", "points"]
    assert choose_validation(loaded, classes=CLASSES).monitor == "validation/aji"
    with pytest.raises(NusegError, match="has a nucleus of a class"):
        choose_validation(loaded, by_class=True, classes=("other",))


def test_a_class_head_alone_leaves_segmentation_as_it_was(outlined: Path, dotted: Path, started: Model, tmp_path: Path):
    more = [f"network.init={started.path}", "optimiser.freeze=true"]
    config = load_config(overrides=[*TINY, *more])
    model = train([outlined, dotted], tmp_path / "run", config, progress=False)
    assert model.config.classes == CLASSES
    assert model.config.architecture.heads == (*started.config.architecture.heads, "classes")
    assert all(name in model.config.description for name in CLASSES)
    before, after = load_network(started), load_network(model)
    for name, value in before.state_dict().items():
        assert torch.equal(value, after.state_dict()[name]), name
    kept = ("thresholds", "calibration", "count_error", "margin", "mpp")
    assert all(getattr(model.config, name) == getattr(started.config, name) for name in kept)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 48, 64, 3), dtype=np.uint8)
    maps = [load_engine(one, "cpu", 1, "f32")(pixels) for one in (started, model)]
    np.testing.assert_array_equal(maps[0], maps[1][:, :2])
    # The class head has learned: on test images most classes are right, and tables have them.
    scores = model.config.scores
    assert scores["outlined"]["class_accuracy"]["mean"] > 0.7
    assert scores["dotted"]["hovernet_f1:dark"]["mean"] > 0.3
    item = Dataset.load(outlined).split("test")[0]
    nuclei = Segmenter.load(model, "cpu", 1)(item.image, 0.25).nuclei
    assert set(nuclei["class"]) <= set(CLASSES)
    # It can be trained on, all of it, from there.
    again = follow_start(load_config(overrides=[f"network.init={model.path}"]), model)
    assert again.network.classes == CLASSES


def test_only_a_class_head_can_be_added(started: Model):
    def follow(*more: str):
        return follow_start(load_config(overrides=[f"network.init={started.path}", *more]), started)

    assert follow(HEADS).network.heads[-1] == "classes"
    assert follow(HEADS, "network.class_branch=wide").network.class_branch == "wide"
    with pytest.raises(NusegError, match="its network and resolution are kept"):
        follow("network.heads=[mask, distance, classes]")


def test_freezing_needs_a_model_and_a_class_head(started: Model, outlined: Path, tmp_path: Path):
    with pytest.raises(NusegError, match=r"optimiser\.freeze needs network\.init"):
        load_config(overrides=["optimiser.freeze=true"])
    heads = f"network.heads=[{', '.join(started.config.architecture.heads)}]"
    frozen = load_config(overrides=[*TINY, f"network.init={started.path}", heads, "optimiser.freeze=true"])
    with pytest.raises(NusegError, match=r"learns the class head alone.*add classes"):
        train([outlined], tmp_path / "run", frozen, progress=False)
    assert not (tmp_path / "run").exists()


def test_an_added_head_is_not_drawn_towards_chance(started: Model):
    config = load_config(overrides=[*TINY, HEADS, f"network.init={started.path}", "network.classes=[a, b]"])
    network = with_branch(load_network(started), follow_start(config, started))
    start = known_weights(network)
    assert not any(name.startswith("branch.") for name in start)
    with torch.no_grad():
        for value in network.parameters():
            value += 1
    drawn = drawn_towards(network, start, 0.5).state_dict()
    assert torch.equal(drawn["branch.head.weight"], network.state_dict()["branch.head.weight"])
    assert not torch.equal(drawn["heads.weight"], network.state_dict()["heads.weight"])


def test_the_temperature_that_made_the_numbers_is_found():
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([1, 1, 1], 4000)
    true = shares ** (1 / 2.0)
    true /= true.sum(axis=1, keepdims=True)
    numbers = (true.cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1)
    assert fit_temperature(shares, numbers, np.ones(4000)).temperature == pytest.approx(2.0, rel=0.1)
