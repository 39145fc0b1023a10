"""Model folders: whole or refused."""

import json
from pathlib import Path

import pytest

from dark_model import save_dark_model
from nuseg.errors import NusegError
from nuseg.model.store import load_model, render_card, save_config, shipped_models


@pytest.fixture
def folder(tmp_path) -> Path:
    return save_dark_model(tmp_path / "dark").path


def change(folder: Path, **changes: object) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_saved_model_loads_the_same(folder):
    model = load_model(folder)
    assert model.config.name == "dark"
    assert set(model.config.files) == {"model.onnx"}
    assert load_model(model.path) == model


def test_a_run_folder_stands_for_its_model(folder, tmp_path):
    folder.rename(tmp_path / "model")
    assert load_model(tmp_path).path == tmp_path / "model"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "model.onnx").unlink(), r"model\.onnx: missing"),
        (lambda f: (f / "model.onnx").write_bytes(b"x"), r"model\.onnx: damaged"),
        (lambda f: (f / "model.json").write_text("{"), r"model\.json: damaged"),
        (lambda f: (f / "model.json").write_text("[]"), r"model\.json: damaged"),
        (lambda f: change(f, format_version=99), "newer than this nuseg reads"),
        (lambda f: change(f, surprise=1), r"model\.json: damaged"),
        (lambda f: (f / "model.json").unlink(), "expected a shipped model"),
    ],
)
def test_damage_is_named(folder, damage, words):
    damage(folder)
    with pytest.raises(NusegError, match=words):
        load_model(folder)


def test_the_card_tells_every_training_that_the_weights_went_through(folder):
    first = {"command": "nuseg train a", "commit": "abc"}
    training = {"command": "nuseg train b", "commit": "def", "init": first}
    card = render_card(load_model(folder).config.model_copy(update={"training": training}))
    assert "- Training: `nuseg train b`, commit def\n- Training: `nuseg train a`, commit abc\n" in card


def test_the_card_shows_scores_with_and_without_interval(folder):
    scores = {"mine": {"dice": {"mean": 0.8, "low": 0.7, "high": 0.9}, "pq": {"mean": 0.5, "low": None, "high": None}}}
    card = render_card(load_model(folder).config.model_copy(update={"scores": scores}))
    assert "| mine | dice | 0.800 | 0.700 to 0.900 |" in card
    assert "| mine | pq | 0.500 |  |" in card


def test_saving_again_keeps_checksums_true(folder):
    config = load_model(folder).config
    (folder / "model.onnx").write_bytes(b"another graph")
    save_config(config, folder)
    load_model(folder)


def test_shipped_models_are_small_whole_and_documented():
    assert "default" in shipped_models()
    for name in shipped_models():
        model = load_model(name)
        assert sum(file.stat().st_size for file in model.path.iterdir()) <= 10_000_000
        assert "non-commercial" not in (model.path / "CARD.md").read_text().lower()
        assert "monuseg" not in {data["name"] for data in model.config.data}
        assert model.config.scores["monuseg"]["aji"]["low"] < model.config.scores["monuseg"]["aji"]["mean"]


def test_an_older_models_name_for_the_raw_probability_is_read_and_the_new_one_written(folder):
    thresholds = json.loads((folder / "model.json").read_text())["thresholds"]
    assert "min_raw_probability" in thresholds
    del thresholds["min_raw_probability"]
    change(folder, thresholds={**thresholds, "min_certainty": 0.55})
    config = load_model(folder).config
    assert config.thresholds.min_raw_probability == 0.55
    assert json.loads(config.model_dump_json())["thresholds"]["min_raw_probability"] == 0.55
