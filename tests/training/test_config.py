"""The configuration: documented, overridable, strict."""

import pytest
import yaml
from pydantic import BaseModel

from nuseg.errors import NusegError
from nuseg.training.config import TrainConfig, load_config, render_config


def fields(config: type[BaseModel]):
    for name, field in config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields(field.annotation)
        else:
            yield name, field


def test_every_key_is_documented_in_place():
    text = render_config(TrainConfig())
    for name, field in fields(TrainConfig):
        assert field.description, f"{name} has no description"
        assert any(line.strip().startswith(f"{name}:") and field.description in line for line in text.splitlines())


def test_the_printed_configuration_reads_back_the_same(tmp_path):
    config = load_config(overrides=["optimiser.lr=0.02", "data.weights.mine=0.5", "augmentation.scale=[0.5, 2]"])
    path = tmp_path / "config.yaml"
    path.write_text(render_config(config))
    assert load_config(path) == config
    assert config.optimiser.lr == 0.02
    assert config.data.weights == {"mine": 0.5}
    assert config.augmentation.scale == (0.5, 2)


def test_overrides_win_over_the_file(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"optimiser": {"epochs": 3, "lr": 0.1}}))
    config = load_config(path, ["optimiser.epochs=5"])
    assert (config.optimiser.epochs, config.optimiser.lr) == (5, 0.1)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("optimiser.lrr=1", "unknown key optimiser.lrr"),
        ("typo=1", "unknown key typo"),
        ("data.batch=-1", "data.batch"),
        ("data.window=100", "data.window"),
        ("network.preset=vnet", "network.preset: .*expected one of .*unet-lite"),
        ("network.heads=[mask, distance, nothing]", "network.heads: .*expected one of .*offsets"),
        ("network.heads=[mask]", "network.heads: .*expected mask, distance and then others"),
        ("data.mpp=25", "data.mpp"),
        ("seed", "expected section.key=value"),
        ("seed.deeper=1", "seed"),
        ("data.batch=[", "not YAML"),
    ],
)
def test_a_wrong_key_or_value_is_named(override, words):
    with pytest.raises(NusegError, match=words.replace("[", r"\[")):
        load_config(overrides=[override])


@pytest.mark.parametrize("text", ["- a list", "a: [", "just words"])
def test_a_file_that_is_no_configuration(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(NusegError, match=r"config\.yaml"):
        load_config(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(NusegError, match=r"nowhere\.yaml"):
        load_config(tmp_path / "nowhere.yaml")
