"""An architecture, a head and an engine of another package: trained, exported and run like nuseg's own."""

import json
from pathlib import Path

import pytest

from outside_package import install, run_python

TOY = Path(__file__).resolve().parents[1] / "toys" / "toy_network.py"
SCRIPT = """
import json, sys
import numpy as np, pandas as pd
from nuseg.datasets.dataset import load_item, Dataset
from nuseg.engines.loading import load_engine
from nuseg.errors import NusegError
from nuseg.model.export import load_network
from nuseg.model.network import network_maps
from nuseg.segmentation.segmenter import Segmenter
from nuseg.training.config import load_config
from nuseg.training.fit import train

data, run = sys.argv[1:]
settings = ["network.preset=toy", "network.heads=[mask, distance, rim]", "network.options={width: 12}"]
settings += ["data.window=32", "data.batch=4", "data.workers=0", "compute.accelerator=cpu", "compute.precision=32-true"]
settings += ["optimiser.steps=40", "optimiser.epochs=2", "optimiser.lr=0.02"]
model = train([data], run, load_config(overrides=settings))
pixels, labels = load_item(Dataset.load(data).split("test")[0])
batch = np.ascontiguousarray(pixels[None, :45, :50])
maps = load_engine(model, "cpu", precision="f32")(batch)
others = [network_maps(load_network(model), batch), load_engine(model, "onnxruntime", threads=1)(batch)]
try:
    load_engine(model, "abacus")
except NusegError as error:
    refused = str(error)
found = Segmenter.load(model, device="onnxruntime")(pixels, model.config.mpp).labels
print(json.dumps({
    "maps": model.config.maps, "stride": model.config.stride, "margin": model.config.margin,
    "shape": maps.shape, "apart": max(float(np.abs(other - maps).max()) for other in others),
    "rim": pd.read_csv(run + "/log.csv")["train/rim"].tolist(),
    "width": load_network(model).body[0].out_channels, "refused": refused,
    "dice": 2 * float(((found > 0) & (labels > 0)).sum() / ((found > 0).sum() + (labels > 0).sum())),
}))
"""


@pytest.fixture(scope="module")
def outcome(tiny_dataset, tmp_path_factory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("outside")
    install(folder, TOY, {"nuseg.architectures": "TOY", "nuseg.heads": "RIM", "nuseg.engines": "RUNTIME"})
    return json.loads(run_python(folder, SCRIPT, tiny_dataset, folder / "run").splitlines()[-1])


def test_an_architecture_from_outside_is_trained_and_states_how_far_it_sees(outcome):
    # A stride of 2 and one 3x3 convolution: a core's first pixel sees one pixel before it.
    assert (outcome["stride"], outcome["margin"], outcome["width"]) == (2, 2, 12)
    assert outcome["dice"] > 0.8


def test_a_head_from_outside_is_learned_and_exported(outcome):
    assert outcome["maps"] == ["mask", "distance", "rim"]
    assert outcome["shape"] == [1, 3, 45, 50]
    first, last = outcome["rim"]
    assert last < first


def test_an_engine_from_outside_gives_the_maps_of_the_others(outcome):
    assert outcome["apart"] < 2e-5
    assert outcome["refused"] == "device=abacus: expected auto or one of cpu, cuda, mps, onnxruntime"
