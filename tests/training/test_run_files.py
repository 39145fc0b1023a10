"""What a run folder holds is data, whoever made it: nothing of it is run, and nothing is written elsewhere."""

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from nuseg.errors import NusegError
from nuseg.model.torch_file import TorchFileError, load_numbers, load_tensors, save_tensors
from nuseg.training.config import load_config
from nuseg.training.fit import train
from nuseg.training.run_files import load_checkpoint, read_log

SETTINGS = [
    "network.preset=unet-small",
    "data.window=32",
    "data.batch=1",
    "data.workers=0",
    "optimiser.steps=1",
    "optimiser.epochs=2",
    "compute.accelerator=cpu",
    "compute.precision=32-true",
]


class Command:
    """What pickle runs as a command when it is loaded."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self):
        return os.system, (f"touch '{self.touched}'",)


@pytest.fixture(scope="module")
def stopped(tiny_dataset, tmp_path_factory) -> Path:
    """A run that was stopped after its last epoch, before it was finished."""
    folder = tmp_path_factory.mktemp("stopped") / "run"

    def stop(*_):
        raise InterruptedError  # as by a kill

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nuseg.training.fit.finish", stop)
        with pytest.raises(InterruptedError):
            train([tiny_dataset], folder, load_config(overrides=SETTINGS), progress=False)
    return folder


@pytest.fixture
def run(stopped, tmp_path) -> Path:
    """A copy of it, from somebody else."""
    return Path(shutil.copytree(stopped, tmp_path / "run"))


def go_on(run: Path, dataset: Path) -> NusegError:
    with pytest.raises(NusegError) as caught:
        train([dataset], run, load_config(overrides=SETTINGS), resume=True, progress=False)
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 800
    return caught.value


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
def test_a_checkpoint_that_is_a_program_is_not_run(run, tiny_dataset, tmp_path, name):
    path = run / "checkpoints" / name
    checkpoint = torch.load(path, weights_only=True)
    torch.save({**checkpoint, "epoch": Command(tmp_path / "ran")}, path)
    torch.load(path, weights_only=False)
    (tmp_path / "ran").unlink()  # so it would be run
    assert str(path) in str(go_on(run, tiny_dataset))
    assert not (tmp_path / "ran").exists()


def test_files_that_a_checkpoint_names_are_left_alone(run, tiny_dataset, tmp_path, monkeypatch):
    victim = tmp_path / "thesis.txt"
    victim.write_text("mine")
    path = run / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    for state in checkpoint["callbacks"].values():
        if "best_model_path" in state:
            where = f"{run}/checkpoints/../../{victim.name}"
            worst = torch.tensor(-1.0)
            state |= {"dirpath": str(run / "checkpoints"), "best_model_path": where, "last_model_path": where}
            state |= {"best_k_models": {where: worst}, "kth_best_model_path": where, "kth_value": worst}
            state |= {"best_model_score": worst}
    for loop in checkpoint["loops"]["fit_loop"]["epoch_progress"].values():
        loop |= dict.fromkeys(loop, 1)  # one epoch is left, which is a better one
    torch.save({**checkpoint, "epoch": 0}, path)
    monkeypatch.setattr("nuseg.training.fit.finish", lambda *_: None)
    train([tiny_dataset], run, load_config(overrides=SETTINGS), resume=True, progress=False)
    assert victim.read_text() == "mine"


@pytest.mark.parametrize(
    "changes",
    [
        {"state_dict": {}},
        {"state_dict": {"network.heads.weight": torch.zeros(3)}},
        {"loops": {}},
        {"optimizer_states": [{"state": {}, "param_groups": []}]},
        {"callbacks": {}},
        {"epoch": "many"},
    ],
    ids=lambda changes: f"{next(iter(changes))}",
)
def test_a_checkpoint_that_does_not_fit_is_one_line(run, tiny_dataset, changes):
    path = run / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    if "callbacks" in changes:
        changes = {"callbacks": dict.fromkeys(checkpoint["callbacks"], 3)}
    torch.save({**checkpoint, **changes}, path)
    assert str(path) in str(go_on(run, tiny_dataset))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("provenance.json", b"[" * 100_000),
        ("config.yaml", b"seed: " + b"[" * 30_000),
        ("checkpoints/last.ckpt", b""),
        ("checkpoints/last.ckpt", b"PK\x03\x04" + bytes(500)),
        ("checkpoints/best.ckpt", b"no checkpoint"),
    ],
    ids=lambda value: str(value[:14]),
)
def test_damaged_files_of_a_run_are_named(run, tiny_dataset, name, content):
    (run / name).write_bytes(content)
    assert str(run / name) in str(go_on(run, tiny_dataset))


@pytest.mark.parametrize(
    ("read", "content"),
    [
        (read_log, b"\xff\xfe"),
        (read_log, b"epoch,x\n1\n"),
        (read_log, b"epoch,x\n1,two\n"),
        (read_log, b"epoch\ninf\n"),
        (read_log, b'epoch\n""\n'),
        (read_log, b"x\n1\n"),
        (read_log, b"epoch\n" + b"9" * 100_000),
        (load_checkpoint, b"PK\x05\x06" + bytes(18)),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:14]),
)
def test_each_damaged_file_is_one_line(tmp_path, read, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(NusegError, match="a damaged one") as caught:
        read(tmp_path / "file")
    assert str(caught.value).startswith(f"{tmp_path / 'file'}: ")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("name", ["model", "log.csv", "tensorboard/deeper"])
def test_nothing_is_written_through_a_link_out_of_the_folder(run, tiny_dataset, tmp_path, name):
    (tmp_path / "elsewhere").mkdir()
    if (run / name).is_dir():
        shutil.rmtree(run / name)
    (run / name).unlink(missing_ok=True)
    (run / name).parent.mkdir(exist_ok=True)
    (run / name).symlink_to(tmp_path / "elsewhere")
    assert f"{run / name}: a link that leads out" in str(go_on(run, tiny_dataset))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_log_is_read_as_it_was_written(tmp_path):
    table = pd.DataFrame({"epoch": [0, 1], "train/loss": [0.5, np.nan], "validation/aji": [0.25, 1 / 3]})
    table.to_csv(tmp_path / "log.csv", index=False)
    pd.testing.assert_frame_equal(read_log(tmp_path / "log.csv"), table)


def test_the_same_weights_are_the_same_bytes(tmp_path):
    weights = {"kernel": torch.rand(4, 3, 3, 3), "bias": torch.rand(5), "count": torch.tensor(7)}
    same = {
        "kernel": weights["kernel"].to(memory_format=torch.channels_last),
        "bias": torch.cat([torch.zeros(9), weights["bias"]])[9:].requires_grad_(),
        "count": torch.tensor(7),
    }
    (tmp_path / "another").mkdir()
    save_tensors(weights, tmp_path / "a.pt")
    save_tensors(same, tmp_path / "another" / "of a longer name.pt")
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "another" / "of a longer name.pt").read_bytes()
    read = load_tensors(tmp_path / "a.pt")
    assert all(torch.equal(read[name], value) for name, value in weights.items())
    save_tensors({**weights, "bias": weights["bias"] + 1}, tmp_path / "b.pt")
    assert (tmp_path / "a.pt").read_bytes() != (tmp_path / "b.pt").read_bytes()


def test_a_packed_file_is_no_file_of_pytorchs(tmp_path):
    save_tensors({"a": torch.zeros(1_000_000)}, tmp_path / "plain.pt")
    with zipfile.ZipFile(tmp_path / "plain.pt") as plain, zipfile.ZipFile(tmp_path / "bomb.pt", "w", 8) as bomb:
        for name in plain.namelist():
            bomb.writestr(name, plain.read(name))
    assert (tmp_path / "bomb.pt").stat().st_size < 100_000
    with pytest.raises(TorchFileError, match="packed"):
        load_numbers(tmp_path / "bomb.pt")


@pytest.mark.parametrize("content", [3, [torch.zeros(1)], {"a": 3}], ids=str)
def test_other_content_is_no_weights(tmp_path, content):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(TorchFileError, match="no named tensors"):
        load_tensors(tmp_path / "a.pt")
    with pytest.raises(NusegError, match="no checkpoint"):
        load_checkpoint(tmp_path / "a.pt")
