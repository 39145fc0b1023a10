"""Training on corrections beside the server: judged, stopped, ended with it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from pydantic import ValidationError

from nuseg.errors import NusegError
from nuseg.viewer.judging import judge
from nuseg.viewer.learning import COMPARED, LOG, STEP, Learning, held, write_object
from nuseg.viewer.learning_plan import PLAN, Plan, TrainingSettings


def scores(*aji: float) -> pd.DataFrame:
    return pd.DataFrame({"name": [f"r{place}" for place in range(len(aji))], "aji": aji, "dice": 0.5})


@pytest.mark.parametrize(
    ("old", "new", "words", "better"),
    [
        ((0.5, 0.5, 0.6), (0.6, 0.7, 0.65), "the new model is better: AJI +0.117 on average", 3),
        ((0.6, 0.7, 0.65), (0.5, 0.5, 0.6), "the new model is worse: AJI -0.117 on average", 0),
        ((0.5, 0.5), (0.6, 0.4), "no clear difference", 1),
        ((0.5,), (0.6,), "AJI +0.100 on one held-out region: too few to tell", 1),
        ((float("nan"),), (float("nan"),), "nothing can be said", 0),
    ],
)
def test_judging(old: tuple[float, ...], new: tuple[float, ...], words: str, better: int) -> None:
    found = judge(scores(*old), scores(*new))
    assert words in found["verdict"]
    assert found["better"] == better
    assert found["regions"] == int(np.isfinite(old).sum())


def test_images_are_compared_one_by_one_whatever_their_order() -> None:
    old, new = scores(0.2, 0.4, 0.9), scores(0.3, 0.5, 0.95).iloc[::-1]
    found = judge(old, new)
    assert found["difference"] == pytest.approx((0.1 + 0.1 + 0.05) / 3, abs=1e-4)
    assert found["low"] > 0
    assert found["old"] == {"dice": 0.5, "aji": 0.5}


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"window": 100}, {"share": 1}, {"lr": float("nan")}, {"init": "x"}])
def test_settings_that_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrainingSettings.model_validate(wrong)


def test_commands_quote_what_shells_would_read() -> None:
    plan = Plan(
        home="a b", folder="a b/learning/1", model="default", images="x;y", by_region=True, settings=TrainingSettings()
    )
    prepare, train, old, new = plan.commands()
    assert prepare == (
        "nuseg prepare 'a b' -o 'a b/learning/1/dataset' --split 0.5,0.25,0.25 --group '(.+)' --images 'x;y'"
    )
    assert "--set network.init=default --set network.init_share=0.5" in train
    assert old == "nuseg evaluate 'a b/learning/1/dataset' --model default -o 'a b/learning/1/old'"
    assert new == "nuseg evaluate 'a b/learning/1/dataset' --model 'a b/learning/1/run' -o 'a b/learning/1/new'"


def test_nothing_was_trained(tmp_path: Path) -> None:
    learning = Learning(tmp_path)
    assert learning.status()["state"] == "none"
    with pytest.raises(NusegError, match="no training is running"):
        learning.stop()
    with pytest.raises(NusegError, match="train first"):
        learning.compared_model()


def test_a_folder_of_a_stranger_is_read_as_data(tmp_path: Path) -> None:
    folder = tmp_path / "learning" / "3"
    (folder / "run").mkdir(parents=True)
    (folder / PLAN).write_text("[1]")
    (folder / STEP).write_text('{"step": ["x"]}')
    (folder / COMPARED).write_text("{")
    (folder / LOG).write_bytes(b"\xff\x1b[31mred\nbar 10 %\rbar 90 %\n" + b"x" * 100_000)
    (folder / "run" / "log.csv").write_text("epoch,train/loss\n1,abc\n")
    (tmp_path / "learning" / "x").mkdir()
    told = Learning(tmp_path).status()
    assert told["state"] == "stopped"
    assert (told["compared"], told["model"], told["epoch"]) == (None, None, 0)
    assert len("".join(told["log"])) <= 20_000
    assert all("\x1b" not in line for line in told["log"])


def wait_for(done: Callable[[], bool], seconds: float = 60) -> None:
    for _ in range(round(seconds * 20)):
        if done():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come")


def test_a_training_that_fails_says_why(tmp_path: Path) -> None:
    """There are no corrections."""
    learning = Learning(tmp_path)
    learning.start("default", None, False, TrainingSettings())
    with pytest.raises(NusegError, match="a training is running"):
        learning.start("default", None, False, TrainingSettings())
    learning.wait(60)
    told = learning.status()
    assert told["state"] == "failed"
    assert "no images found" in told["message"]
    assert any("no images found" in line for line in told["log"])
    with pytest.raises(NusegError, match="no new model"):
        learning.compared_model()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_training_ends_with_its_server() -> None:
    """A server is killed at once, while what it started would go on for minutes."""
    training = (
        "import time\nfrom nuseg.viewer.learning_job import watch_input\n"
        "watch_input(); print(1, flush=True); time.sleep(600)\n"
    )
    code = (
        "import sys, time, subprocess as sub\n"
        "training = sub.Popen([sys.executable, '-c', sys.argv[1]], stdin=sub.PIPE, stdout=sub.PIPE)\n"
        "training.stdout.readline(); print(training.pid, flush=True); time.sleep(600)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    server = subprocess.Popen(
        [sys.executable, "-c", code, training], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert server.stdout is not None
    own = int(server.stdout.readline())
    assert psutil.pid_exists(own)
    server.send_signal(signal.SIGKILL)
    server.wait()
    wait_for(lambda: not psutil.pid_exists(own) or psutil.Process(own).status() == psutil.STATUS_ZOMBIE)


def test_a_lock_of_another_server(tmp_path: Path) -> None:
    folder = tmp_path / "learning" / "1"
    folder.mkdir(parents=True)
    write_object(folder / PLAN, {})
    write_object(folder / STEP, {"step": "training", "message": ""})
    learning = Learning(tmp_path)
    with held(folder.parent, 0):
        assert learning.status()["state"] == "running"
        with pytest.raises(NusegError, match="another server runs it"):
            learning.stop()
        with pytest.raises(NusegError, match="a training is running"):
            learning.start("default", None, False, TrainingSettings())
    assert learning.status()["state"] == "stopped"
