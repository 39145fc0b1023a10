"""Whole trainings on tiny data: through the command line once, then in this process, which is faster."""

import copy
import json
import logging
import os
import shlex
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from lightning.fabric.utilities.warnings import PossibleUserWarning

from nuseg.cli import main
from nuseg.datasets.dataset import Dataset
from nuseg.engines.loading import load_engine
from nuseg.errors import NusegError
from nuseg.model.export import load_network
from nuseg.model.network import network_maps
from nuseg.model.store import load_model
from nuseg.training.config import Compute, load_config
from nuseg.training.fit import native_precision, quiet, train
from nuseg.training.module import Training, warmup_cosine
from nuseg.training.start import Before, architecture_of, describe_model, follow_start
from nuseg.training.tune import START
from nuseg.training.validation import check_splits

TINY = [
    "network.preset=unet-small",
    "data.window=32",
    "data.batch=2",
    "data.workers=0",
    "optimiser.steps=2",
    "optimiser.epochs=3",
    "compute.accelerator=cpu",
]


def command(*arguments: str | Path, settings: list[str] = TINY) -> list[str]:
    sets = [word for setting in settings for word in ("--set", setting)]
    return [sys.executable, "-m", "nuseg", "train", *map(str, arguments), *sets]


def run(*arguments: str | Path, settings: list[str] = TINY) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments, settings=settings), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def trained(tiny_dataset, tiny_binary_dataset, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    done = run(tiny_dataset, tiny_binary_dataset, "-o", folder)
    assert done.returncode == 0, done.stderr
    assert "test tiny: dice" in done.stdout
    # What it says is our own: no advice or advertisement of a library.
    assert done.stderr == ""
    beginnings = ["epoch 1/3", "epoch 2/3", "epoch 3/3", "model: ", "test tiny: ", "test tiny-binary: "]
    lines = done.stdout.splitlines()
    assert all(line.startswith(words) for line, words in zip(lines, beginnings, strict=True)), lines
    return folder


def test_a_run_leaves_everything(trained):
    expected = {
        "config.yaml",
        "provenance.json",
        "log.csv",
        "curves.png",
        "predictions.png",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "model/model.json",
        "model/model.onnx",
        "model/weights.pt",
        "model/CARD.md",
        "test/tiny/per_image.csv",
        "test/tiny/scores.json",
        "test/tiny-binary/per_image.csv",
    }
    assert expected <= {str(path.relative_to(trained)) for path in trained.rglob("*")}
    assert list(pd.read_csv(trained / "log.csv")["epoch"]) == [1, 2, 3]
    record = json.loads((trained / "provenance.json").read_text())
    assert record["datasets"] == {"tiny": "tiny-1", "tiny-binary": "tiny-binary-2"}
    assert record["versions"]["torch"] == torch.__version__.split("+")[0] or record["versions"]["torch"]
    assert "train" in record["command"]


def test_the_model_knows_where_it_comes_from(trained):
    config = load_model(trained).config
    assert [d["images"] for d in config.data] == [3, 2]
    assert config.licence == "CC0"
    assert config.training["config"]["optimiser"]["epochs"] == 3
    assert set(config.scores) == {"tiny", "tiny-binary"}
    assert "aji" in config.scores["tiny"]
    assert "aji" not in config.scores["tiny-binary"]


def test_the_exported_graph_equals_pytorch(trained):
    model = load_model(trained)
    engine, network = load_engine(model, "cpu", precision="f32"), load_network(model)
    rng = np.random.default_rng(0)
    for shape in ((1, 1, 1, 3), (2, 37, 50, 3), (1, 128, 96, 3)):
        batch = rng.integers(0, 256, shape, np.uint8)
        np.testing.assert_allclose(engine(batch), network_maps(network, batch), atol=2e-5)


def interrupt(words: list[str], folder: Path, epochs: int, number: int) -> tuple[int, str]:
    """Start a training, send it a signal when the log has some epochs, and give its exit code and stderr."""
    started = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 120
    log = folder / "log.csv"
    while time.monotonic() < deadline and not (log.is_file() and len(log.read_text().splitlines()) > epochs):
        time.sleep(0.02)
    os.killpg(started.pid, number)  # with its workers, as a terminal and a batch system do
    _, said = started.communicate()
    assert not (folder / "model").exists(), "stopped too late to test anything"
    return started.returncode, said


def test_an_interrupted_training_resumes_to_the_same_weights(
    trained, tiny_dataset, tiny_binary_dataset, tmp_path, monkeypatch, capfd
):
    folder = tmp_path / "it's killed"  # a name to be quoted
    settings = [*TINY, "data.workers=1"]
    words = command(tiny_dataset, tiny_binary_dataset, "-o", folder, settings=settings)
    assert interrupt(words, folder, 1, signal.SIGKILL)[0] == -signal.SIGKILL
    (folder / ".0123456789ab-model").mkdir()  # as a kill leaves it, a moment before the model is whole
    code, said = interrupt([*words, "--resume"], folder, 2, signal.SIGTERM)
    assert code == 143
    begin = shlex.join(["nuseg", *words[3:]])
    assert said == f"stopped (SIGTERM): go on with {begin} --resume\n"
    monkeypatch.setattr(sys, "argv", ["nuseg", *words[3:], "--resume"])
    with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert capfd.readouterr().err == ""
    assert list(folder.glob(".*")) == []
    whole, resumed = (torch.load(f / "model" / "weights.pt", weights_only=True) for f in (trained, folder))
    for name, value in whole.items():
        torch.testing.assert_close(resumed[name], value, rtol=0, atol=0)
    columns = [c for c in pd.read_csv(trained / "log.csv").columns if c != "seconds"]
    logs = [pd.read_csv(f / "log.csv")[columns] for f in (trained, folder)]
    pd.testing.assert_frame_equal(*logs)


def test_fine_tuning_starts_from_a_models_weights(trained, tiny_dataset, tmp_path):
    settings = [*TINY, f"network.init={trained}", "optimiser.epochs=1", "optimiser.lr=1e-12", "optimiser.steps=1"]
    train([tiny_dataset], tmp_path / "tuned", load_config(overrides=settings))
    old, new = (torch.load(f / "model" / "weights.pt", weights_only=True) for f in (trained, tmp_path / "tuned"))
    name = "heads.weight"
    torch.testing.assert_close(new[name], old[name], rtol=0, atol=1e-6)
    started_from = load_model(tmp_path / "tuned").config.training["init"]
    assert started_from == load_model(trained).config.training
    # The same weights on the same validation images: the search has nothing to gain.
    assert load_model(tmp_path / "tuned").config.thresholds == load_model(trained).config.thresholds
    assert [entry["name"] for entry in load_model(tmp_path / "tuned").config.data] == ["tiny", "tiny-binary"]
    card = (tmp_path / "tuned" / "model" / "CARD.md").read_text()
    assert card.count("- Training: `") == 2


def test_a_share_of_the_weights_that_fine_tuning_started_from_is_kept(trained, tiny_dataset, tmp_path, monkeypatch):
    # Tuning and export, which come after, change no weight but by rounding.
    monkeypatch.setattr("nuseg.training.fit.finish", lambda module, *_: module.result().state_dict())
    settings = [*TINY, f"network.init={trained}", "optimiser.epochs=1", "optimiser.lr=0.01", "optimiser.steps=4"]
    old = torch.load(load_model(trained).weights, weights_only=True)
    new, kept = (
        train([tiny_dataset], tmp_path / str(share), load_config(overrides=[*settings, f"network.init_share={share}"]))
        for share in (0, 0.75)
    )
    assert (old["heads.weight"] != new["heads.weight"]).any()
    for name, value in kept.items():
        if value.is_floating_point():
            expected = 0.75 * old[name].float() + 0.25 * new[name].float()
            torch.testing.assert_close(value.float(), expected, rtol=1e-5, atol=1e-6)
        else:
            assert (value == new[name]).all()


def test_the_network_that_keeps_a_share_of_the_start_is_the_one_that_is_validated(trained):
    model = load_model(trained)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)

    def validated_maps(share: float) -> np.ndarray:
        config = load_config(overrides=[*TINY, f"network.init={trained}", f"network.init_share={share}"])
        network = load_network(model).eval()
        learned = copy.deepcopy(network.state_dict())
        network.load_state_dict({name: torch.zeros_like(value) for name, value in learned.items()})
        module = Training(network, config, model.config, [])
        module.network.load_state_dict(learned)
        return module.segmenter().engine(pixels[None])

    network = load_network(model).eval()
    own = Training(network, load_config(overrides=TINY), model.config, []).segmenter().engine(pixels[None])
    np.testing.assert_allclose(validated_maps(0), own)
    assert np.abs(validated_maps(0.5) - own).max() > 0.01


def test_network_and_resolution_are_those_of_the_model_that_is_fine_tuned(trained):
    model = load_model(trained)
    start = replace(model, config=model.config.model_copy(update={"mpp": 0.5}))
    config = follow_start(load_config(overrides=[f"network.init={trained}"]), start)
    assert (config.network.preset, config.data.mpp) == ("unet-small", 0.5)
    assert architecture_of(config) == start.config.architecture
    stated = [f"network.init={trained}", "data.mpp=0.25", "network.preset=unet-small", "network.encoder=lite2"]
    with pytest.raises(NusegError) as refused:
        follow_start(load_config(overrides=stated), start)
    assert "network.encoder is 'lite2' here, 'lite0' there; data.mpp is 0.25 here, 0.5 there:" in str(refused.value)
    assert "preset" not in str(refused.value)


@pytest.mark.parametrize("fine_tuned", [False, True])
def test_the_search_for_thresholds_begins_with_those_of_the_model_that_is_fine_tuned(trained, fine_tuned):
    model = load_model(trained)
    unusual = model.config.thresholds.model_copy(update={"min_area_um2": 3.5})
    start = replace(model, config=model.config.model_copy(update={"thresholds": unusual})) if fine_tuned else None
    described = describe_model(load_network(model), load_config(overrides=TINY), [], trained, Before(start))
    assert described.thresholds == (unusual if fine_tuned else START)


def test_a_fine_tuned_model_keeps_the_licences_that_it_started_from(trained, tiny_dataset):
    model = load_model(trained)
    start = replace(model, config=model.config.model_copy(update={"licence": "CC BY 4.0 and MIT"}))
    own = replace(Dataset.load(tiny_dataset), licence="MIT", fingerprint="new")
    described = describe_model(load_network(model), load_config(overrides=TINY), [own], trained, Before(start))
    assert described.licence == "CC BY 4.0 and MIT"
    assert [entry["fingerprint"] for entry in described.data] == ["new", *(e["fingerprint"] for e in model.config.data)]


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        (["DATA", "-o", "TRAINED"], TINY, "not empty"),
        (["DATA", "-o", "NEW", "--resume"], TINY, "nothing to resume"),
        (["DATA", "-o", "TRAINED", "--resume"], [*TINY, "seed=5"], "differs from the configuration"),
        (["DATA", "-o", "TRAINED", "--resume"], TINY, "datasets have changed"),
        (["NEW", "-o", "NEW2"], TINY, "dataset"),
        (["DATA", "-o", "NEW"], [*TINY, "network.init=TRAINED", "network.preset=unet-lite"], "unet-small"),
        (["DATA", "-o", "NEW"], [*TINY, "network.init_share=0.5"], "init_share needs init"),
        (["DATA", "-o", "NEW"], [*TINY, "nonsense=1"], "unknown key nonsense"),
    ],
)
def test_what_cannot_be_trained_is_one_clear_line(
    trained, tiny_dataset, tmp_path, monkeypatch, capsys, arguments, settings, words
):
    places = {"DATA": tiny_dataset, "TRAINED": trained, "NEW": tmp_path / "new", "NEW2": tmp_path / "new2"}
    settings = [setting.replace("TRAINED", str(trained)) for setting in settings]
    _, _, *words_of_command = command(*(places.get(word, word) for word in arguments), settings=settings)
    monkeypatch.setattr(sys, "argv", words_of_command)
    with warnings.catch_warnings(), pytest.raises(SystemExit) as stopped:
        main()
    said = capsys.readouterr().err
    assert stopped.value.code == 1
    assert words in said
    assert "Traceback" not in said
    assert said.strip().splitlines()[-1].startswith("error: ")


def test_training_learns_to_segment_the_tiny_images(tiny_dataset, tmp_path):
    settings = [
        *(s for s in TINY if "steps" not in s and "epochs" not in s),
        "data.batch=4",
        "data.window=64",
        "optimiser.steps=20",
        "optimiser.epochs=2",
        "optimiser.lr=0.005",
        "optimiser.ema=0.9",
    ]
    model = train([tiny_dataset], tmp_path / "run", load_config(overrides=settings))
    assert model.config.scores["tiny"]["dice"]["mean"] > 0.9


def test_advice_of_libraries_is_kept_out_and_their_warnings_are_not():
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with quiet():
            warnings.warn("GPU available but not used.", PossibleUserWarning, stacklevel=1)
            warnings.warn("this matters", stacklevel=1)
            assert log.level == logging.ERROR
    assert [str(warning.message) for warning in heard] == ["this matters"]
    assert log.level == level


def test_masks_alone_are_a_finding(tiny_dataset, tiny_binary_dataset):
    instance, masks = Dataset.load(tiny_dataset), Dataset.load(tiny_binary_dataset)
    assert check_splits([instance, masks]) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = check_splits([masks])
    assert found.level == "warning"
    assert "only masks to train on" in found.text


@pytest.mark.parametrize(
    ("device", "has_bf16", "settings", "precision"),
    [
        ("cpu", True, {}, "bf16-mixed"),
        ("cpu", False, {}, "32-true"),
        ("cuda", True, {}, "bf16-mixed"),
        ("cuda", False, {}, "16-mixed"),
        ("cuda", False, {"accelerator": "cpu"}, "32-true"),
        ("mps", True, {}, "32-true"),
        ("mps", True, {"accelerator": "cpu"}, "bf16-mixed"),
        ("cpu", False, {"precision": "bf16-mixed"}, "bf16-mixed"),
    ],
)
def test_the_precision_is_what_the_device_computes_fastest(monkeypatch, device, has_bf16, settings, precision):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: device == "cuda")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bf16)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: device == "mps")
    monkeypatch.setattr("nuseg.training.fit.has_bf16", lambda: has_bf16)
    assert native_precision(Compute(**settings)) == precision


def test_learning_rate_rises_then_falls_to_zero():
    factors = [warmup_cosine(step, 100, 0.1) for step in range(101)]
    assert factors[0] == pytest.approx(1 / 11)
    assert max(factors) == factors[10] == 1
    assert factors[100] == pytest.approx(0)
    assert sorted(factors[10:], reverse=True) == factors[10:]
