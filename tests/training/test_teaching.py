"""A teacher's maps: made once, kept, learned from; and what is refused."""

from itertools import product

import numpy as np
import pytest
from PIL import Image

from nuseg.datasets.dataset import Dataset, Item, load_pixels
from nuseg.datasets.seen import image_code
from nuseg.engines.loading import load_engine
from nuseg.errors import NusegError
from nuseg.model.network import build_network
from nuseg.model.store import load_model
from nuseg.training.config import load_config, render_config
from nuseg.training.fit import train
from nuseg.training.patches import Patches
from nuseg.training.run_files import read_log
from nuseg.training.start import Before, describe_model, follow_start
from nuseg.training.teaching import Teaching, check_unlabelled, find_teachers, teaching_code

PARTS = ("bce", "dice", "distance", "offset")
STILL = [
    "data.window=32",
    *("augmentation.flip=false", "augmentation.rotation=0", "augmentation.scale=[1, 1]", "augmentation.elastic=0"),
    *("augmentation.crowd_probability=0", "augmentation.restain_probability=0"),
]


class Known(Teaching):
    """A teacher that is sure of two numbers everywhere."""

    def __init__(self) -> None:
        pass

    def maps(self, pixels, mpp):
        return np.full((*pixels.shape[:2], 2), (51, 204), np.uint8)


def test_maps_are_the_mean_of_eight_views_and_are_kept(tiny_dataset, tmp_path):
    teachers = find_teachers(load_config(overrides=["teacher.model=fast"]))
    item = Dataset.load(tiny_dataset).split("train")[1]
    assert item.mpp == teachers[0].config.mpp  # so that nothing is resampled
    pixels = load_pixels(item)
    teaching = Teaching(teachers, tmp_path / "maps", "cpu")
    with pytest.raises(NusegError, match="found none or damaged"):
        teaching.maps(pixels, item.mpp)
    teaching.prepare([item])
    once, views = load_engine(load_model("fast"), "cpu", precision="bf16"), []
    padded = np.pad(pixels, [(0, 8), (0, 8), (0, 0)], mode="edge")  # whole strides
    for mirrored, turns in product((False, True), range(4)):
        view = np.rot90(padded[:, ::-1] if mirrored else padded, turns)
        back = np.rot90(once(np.ascontiguousarray(view)[None])[0], -turns, (1, 2))
        views.append((back[..., ::-1] if mirrored else back)[:, : pixels.shape[0], : pixels.shape[1]])
    expected = 255 * np.moveaxis(np.mean(views, axis=0), 0, 2)
    assert expected.std() > 20
    np.testing.assert_allclose(teaching.maps(pixels, item.mpp), expected, atol=1)
    (file,) = (tmp_path / "maps").iterdir()
    file.write_bytes(file.read_bytes()[:-60])
    with pytest.raises(NusegError, match="found none or damaged"):
        teaching.maps(pixels, item.mpp)
    teaching.prepare([item])  # a damaged one is made anew, a good one is kept
    np.testing.assert_allclose(teaching.maps(pixels, item.mpp), expected, atol=1)
    made = file.stat().st_mtime_ns
    teaching.prepare([item])
    assert file.stat().st_mtime_ns == made


def test_maps_of_several_models_are_averaged_on_the_grid_of_the_image(tmp_path, monkeypatch):
    teachers = find_teachers(load_config(overrides=["teacher.model=[default, fast, cell-types]"]))
    assert [model.config.mpp for model in teachers] == [0.25, 0.5, 0.25]
    # Rounded before their mean, the distances were 100, 101, 101, and their mean 101.
    distances = {model.path: value / 255 for model, value in zip(teachers, (100.1, 100.6, 100.6), strict=True)}

    def load(model, device, precision):
        def engine(batch):
            maps = np.zeros((len(batch), len(model.config.maps), *batch.shape[1:3]), np.float32)
            maps[:, model.config.maps.index("mask")] = batch[..., 0] / np.float32(255)
            maps[:, model.config.maps.index("distance")] = distances[model.path]
            return maps

        return engine

    monkeypatch.setattr("nuseg.training.teaching.load_engine", load)
    rows, columns = np.mgrid[:41, :54]
    pixels = np.stack([40 + 2 * rows + columns] * 3, axis=2).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    item = Item("image", tmp_path / "image.png", None, 0.25, "train", "", 0)
    teaching = Teaching(teachers, tmp_path / "maps", "cpu")
    teaching.prepare([item])
    mask, distance = np.moveaxis(teaching.maps(pixels, item.mpp), 2, 0)
    assert set(np.unique(distance)) == {100}
    inside = (slice(2, -2), slice(2, -2))  # of what is resampled the border is less exact
    np.testing.assert_allclose(mask[inside], pixels[inside][..., 0], atol=1)


def test_maps_depend_on_every_model_and_on_no_order():
    one, other = load_model("fast"), load_model("default")
    alone = image_code(np.frombuffer(f"{sorted(one.config.files.items())} 1".encode(), np.uint8))
    assert teaching_code([one]) == alone  # maps that were kept before several could teach
    assert teaching_code([one, other]) == teaching_code([other, one])
    assert len({teaching_code(models) for models in ([one], [other], [one, other])}) == 3


def test_several_models_are_kept_in_the_configuration_and_the_model(tmp_path):
    config = load_config(overrides=["teacher.model=[fast, default]", "network.pretrained=false"])
    (tmp_path / "config.yaml").write_text(render_config(config))
    assert load_config(tmp_path / "config.yaml") == config
    teachers = find_teachers(config)
    (tmp_path / "provenance.json").write_text("{}")
    described = describe_model(build_network(config.network), config, [], tmp_path, Before(None, teachers))
    assert described.training["teacher"] == [model.config.training for model in teachers]
    known = {entry["fingerprint"] for model in teachers for entry in model.config.data}
    assert sorted(entry["fingerprint"] for entry in described.data) == sorted(known)
    assert set(described.licence.split(" and ")) == {
        part for model in teachers for part in model.config.licence.split(" and ")
    }


@pytest.mark.parametrize("models", ["[]", "5", "[fast, 5]", "{a: fast}", "[[fast]]"])
def test_what_are_no_models_is_refused(models):
    with pytest.raises(NusegError, match=r"teacher.model: expected a model or a list of models, found"):
        load_config(overrides=[f"teacher.model={models}"])


def test_a_list_of_one_is_that_model():
    """Also where a run is resumed."""
    config = load_config(overrides=["teacher.model=[fast]"])
    assert config == load_config(overrides=["teacher.model=fast"])
    assert "model: fast  #" in render_config(config.teacher)


def test_models_whose_files_have_no_checksums_are_told_apart(tmp_path):
    """As are the maps that they make."""
    for name in ("fast", "default", "again"):
        shipped = load_model("fast" if name == "again" else name)
        (tmp_path / name).mkdir()
        config = shipped.config.model_copy(update={"files": {}})
        (tmp_path / name / "model.json").write_text(config.model_dump_json())
        (tmp_path / name / "model.onnx").symlink_to(shipped.path / "model.onnx")
    models = find_teachers(load_config(overrides=[f"teacher.model=[{tmp_path / 'fast'}, {tmp_path / 'default'}]"]))
    assert len(models) == 2
    with pytest.raises(NusegError, match=r"expected different models, found this one twice"):
        find_teachers(load_config(overrides=[f"teacher.model=[{tmp_path / 'fast'}, {tmp_path / 'again'}]"]))


def test_no_model_teaches_twice():
    folder = load_model("fast").path
    with pytest.raises(NusegError, match=r"expected different models, found this one twice"):
        find_teachers(load_config(overrides=[f"teacher.model=[fast, default, {folder}]"]))


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_targets_hold_the_share_of_the_teacher(tiny_dataset, share):
    data = Dataset.load(tiny_dataset)
    alone = Patches([data], load_config(overrides=STILL))[3]
    taught = Patches([data], load_config(overrides=[*STILL, f"teacher.share={share}"]), Known())[3]
    for name, value in (("mask", 0.2), ("distance", 0.8)):
        expected = (1 - share) * alone.targets[name] + share * value
        np.testing.assert_allclose(taught.targets[name], expected, atol=1e-6)
    for name in set(alone.targets) - {"mask", "distance"}:
        np.testing.assert_array_equal(taught.targets[name], alone.targets[name])
    np.testing.assert_array_equal(taught.pixels, alone.pixels)


def test_of_an_unlabelled_dataset_the_teacher_alone_is_learned(tiny_dataset):
    data = Dataset.load(tiny_dataset)
    config = load_config(overrides=[*STILL, "teacher.model=fast", f"teacher.unlabelled=[{data.name}]"])
    patch = Patches([data], config, Known())[0]
    assert np.allclose(patch.targets["mask"], 0.2)
    assert np.allclose(patch.targets["distance"], 0.8)
    with pytest.raises(NusegError, match=r"teacher.unlabelled names other, but the datasets are"):
        check_unlabelled([data], load_config(overrides=["teacher.model=x", "teacher.unlabelled=[other]"]))


def test_a_model_without_those_maps_cannot_teach(monkeypatch):
    model = load_model("fast")
    other = model.config.model_copy(update={"maps": ("mask", "other")})
    monkeypatch.setattr("nuseg.training.teaching.choose_model", lambda *_: type(model)(other, model.path))
    with pytest.raises(NusegError, match=r"expected the maps mask and distance, it has mask, other"):
        find_teachers(load_config(overrides=["teacher.model=fast"]))


@pytest.mark.parametrize("overrides", [["teacher.unlabelled=[a]"], ["teacher.maps=folder"]])
def test_a_teacher_is_needed(overrides):
    with pytest.raises(NusegError, match="need model, the one that teaches"):
        load_config(overrides=overrides)


def test_a_network_is_narrowed_and_taught(tiny_dataset, tmp_path, monkeypatch):
    settings = [
        *("network.init=fast", "network.reach=96", "teacher.model=fast", "optimiser.consistency=2"),
        *("data.window=32", "data.batch=2", "data.workers=0", "optimiser.steps=2", "optimiser.epochs=1"),
        "compute.accelerator=cpu",
    ]
    # What comes after the last epoch is the same for all trainings, and takes its time.
    monkeypatch.setattr("nuseg.training.fit.finish", lambda module, *_: module)
    module = train([tiny_dataset], tmp_path / "run", load_config(overrides=settings), progress=False)
    shipped, config = load_model("fast").config, module.model_config
    assert module.network.margin == config.margin < config.architecture.reach == 96 < shipped.margin
    assert config.training["teacher"] == shipped.training
    assert {entry["name"] for entry in shipped.data} < {entry["name"] for entry in config.data}
    assert set(shipped.licence.split(" and ")) < set(config.licence.split(" and "))
    assert len(list((tmp_path / "run" / "teacher").iterdir())) == 3  # images of the split train
    row = read_log(tmp_path / "run" / "log.csv").iloc[0]
    assert 0 < row["train/inconsistency"] < 0.25
    losses = [load_config().optimiser.part_weights.get(name, 1) * row[f"train/{name}"] for name in PARTS]
    assert row["train/loss"] == pytest.approx(sum(losses) + 2 * row["train/inconsistency"], rel=1e-4)


def test_what_cannot_be_narrowed_is_refused(tiny_dataset, tmp_path):
    settings = ["network.init=fast", "network.reach=48", "teacher.model=fast"]
    with pytest.raises(NusegError, match=r"network.reach=48: expected 96 px or more"):
        train([tiny_dataset], tmp_path / "run", load_config(overrides=settings), progress=False)
    assert not (tmp_path / "run").exists()


def test_a_network_that_sees_no_further_stays_as_it_is(tiny_dataset):
    start = load_model("fast")
    for wish in ("null", start.config.margin):
        config = follow_start(load_config(overrides=["network.init=fast", f"network.reach={wish}"]), start)
        assert config.network.reach == start.config.architecture.reach


@pytest.mark.parametrize("setting", ["teacher.model=fast", "optimiser.consistency=1"])
def test_where_the_class_head_alone_learns_there_is_nothing_to_teach(setting):
    with pytest.raises(NusegError, match="leave teacher and consistency out"):
        load_config(overrides=["network.init=fast", "optimiser.freeze=true", setting])
