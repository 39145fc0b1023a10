"""Heads and architectures by name."""

import subprocess
import sys

import numpy as np
import pytest

from nuseg.errors import NusegError
from nuseg.model.head import Head
from nuseg.model.registry import architectures, find_heads, heads, map_names


def test_what_comes_with_nuseg():
    assert {"unet", "unet-small", "unet-lite", "smp"} <= set(architectures)
    assert {"mask", "distance", "offsets"} <= set(heads)
    assert map_names(("mask", "distance", "offsets")) == ("mask", "distance")


@pytest.mark.parametrize("name", ["mask", "distance", "offsets"])
def test_targets_have_a_channel_for_each_name(name):
    labels = np.arange(30, dtype=np.int32).reshape(5, 6) // 7
    target = heads[name].target(labels)
    assert target.shape == (len(heads[name].channels), 5, 6)
    assert target.dtype == np.float32


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("mask", "distance", "nothing"), "head nothing: expected one of .*distance.*mask"),
        (("mask", "offsets"), "network.heads: expected mask, distance and then others"),
        (("distance", "mask"), "network.heads: expected mask, distance and then others"),
        (("mask", "distance", "offsets", "offsets"), "each once"),
    ],
)
def test_wrong_heads_are_named(names, words):
    with pytest.raises(NusegError, match=words):
        find_heads(names)


def test_what_is_exported_must_lie_between_0_and_1():
    with pytest.raises(ValueError, match="head x: exported maps"):
        Head("x", "", ("x",), "tanh", True, False, lambda labels: labels, lambda *_: {})


def test_names_are_known_without_pytorch():
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from nuseg.training.config import load_config\n"
        "from nuseg.model.registry import architectures, heads\n"
        "load_config(overrides=['network.preset=unet']); print(len(architectures), len(heads))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
