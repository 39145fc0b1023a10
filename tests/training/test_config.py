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


def bounded(config: type[BaseModel], sections: tuple[str, ...] = ()):
    """Every number of the configuration: its key, and values that nobody can mean."""
    for name, field in config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from bounded(field.annotation, (*sections, name))
        elif isinstance(field.default, int | float) and not isinstance(field.default, bool):
            yield from ((".".join([*sections, name]), value) for value in (".inf", "-.inf", ".nan", "-1", "1e+30"))


@pytest.mark.parametrize(("key", "value"), list(bounded(TrainConfig)))
def test_every_number_is_finite_and_plausible(key, value):
    with pytest.raises(NusegError, match=f"overrides: {key}: .*, found "):
        load_config(overrides=[f"{key}={value}"])


@pytest.mark.parametrize(
    "override",
    [
        "data.weights={a: .inf}",
        "optimiser.head_weights={a: -1}",
        "augmentation.scale=[0, 1]",
        "network.decoder=[9e9, 1, 1]",
    ],
)
def test_numbers_in_lists_are_bounded_too(override):
    key = override.partition("=")[0]
    with pytest.raises(NusegError, match=f"overrides: {key}"):
        load_config(overrides=[override])


@pytest.mark.parametrize(
    "text",
    [
        "seed: 2001-02-30",
        "seed: 2001-01-01T99:99:99Z",
        'seed: !!bool "x"',
        "a: " + "[" * 20_000,
        "seed: " + "9" * 9_000,
        "k: &k [x]\n" + "".join(f"k{i}: &k{i} [{', '.join([f'*k{i - 1}' if i else '*k'] * 9)}]\n" for i in range(9)),
        "seed: [" + "x, " * 15_000 + "x]",
        "? " + "k" * 9_000 + "\n: \x85",
        "a" * 9_000 + ": 1",
        "1: 2",
        "network: {encoder: hf-hub:someone/something}",
    ],
    ids=lambda text: text[:12],
)
def test_a_hostile_file_is_one_short_line_that_names_it(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(NusegError) as caught:
        load_config(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    assert len(said) < len(str(path)) + 500
    assert said.isprintable()
