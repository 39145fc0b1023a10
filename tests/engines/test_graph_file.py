"""ONNX files of strangers: no other files are read, nothing grows beyond measure, nothing ends the process."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dark_model import CONFIG, save_dark_model
from nuseg.engines.graph_file import check_whole
from nuseg.engines.loading import load_engine
from nuseg.errors import NusegError
from nuseg.model.store import load_model, save_config

onnx = pytest.importorskip("onnx")


@pytest.fixture
def folder(tmp_path) -> Path:
    return save_dark_model(tmp_path / "dark").path


def store_outside(folder: Path, place: str) -> None:
    """Let a tensor of the graph name a file that holds its number."""
    graph = onnx.load(folder / "model.onnx")
    tensor = next(tensor for tensor in graph.graph.initializer if tensor.name == "threshold")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("offset", "0"), ("length", "4"), ("location", place)):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    (folder / "model.onnx").write_bytes(graph.SerializeToString())
    save_config(CONFIG, folder)


@pytest.mark.parametrize("place", ["../secret", "/dev/zero", "weights", "inner/../../secret"])
def test_a_graph_reads_no_other_file(folder, place):
    for name in ("secret", "dark/weights"):
        (folder.parent / name).write_bytes(np.float32(128).tobytes())
    store_outside(folder, place)
    with pytest.raises(NusegError, match=r"model\.onnx: names other files"):
        load_engine(load_model(folder), "cpu")


@pytest.mark.parametrize("key", [b"\x0a\x08location", b"\x8a\x00\x08location", b"\x0a\x88\x80\x00location"])
def test_no_way_to_write_the_name_is_missed(tmp_path, key):
    (tmp_path / "model.onnx").write_bytes(b"\x08\x09" + key + b"\x12\x01a")
    with pytest.raises(NusegError, match="names other files"):
        check_whole(tmp_path / "model.onnx")


def test_a_node_may_be_called_as_it_likes(folder):
    graph = onnx.load(folder / "model.onnx")
    for node in graph.graph.node:
        node.name = f"/location/allocation/{node.name}"
    (folder / "model.onnx").write_bytes(graph.SerializeToString())
    save_config(CONFIG, folder)
    assert load_engine(load_model(folder), "cpu")(np.zeros((1, 2, 3, 3), np.uint8)).min() == 1


@pytest.mark.parametrize("operator", ["ConstantOfShape", "Expand", "Tile"])
def test_a_graph_that_makes_much_of_nothing_is_refused(folder, operator):
    graph = onnx.load(folder / "model.onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    given = {"ConstantOfShape": ["huge"], "Expand": ["one", "huge"], "Tile": ["one", "huge"]}[operator]
    graph.graph.initializer.extend(
        [
            numpy_helper.from_array(np.array([200_000, 200_000], np.int64), "huge"),
            numpy_helper.from_array(np.zeros((1, 1), np.float32), "one"),
        ]
    )
    nodes = list(graph.graph.node)
    less = next(place for place, node in enumerate(nodes) if node.op_type == "Less")
    nodes[less].input[0] = "sum"
    nodes[less:less] = [
        helper.make_node(operator, given, ["zeros"]),
        helper.make_node("ReduceMean", ["zeros"], ["nothing"], keepdims=0),
        helper.make_node("Add", ["mean", "nothing"], ["sum"]),
    ]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    (folder / "model.onnx").write_bytes(graph.SerializeToString())
    save_config(CONFIG, folder)
    with pytest.raises(NusegError, match=r"model\.onnx: makes 160,000,0\d\d,\d\d\d bytes of its own"):
        load_engine(load_model(folder), "cpu")


LOAD = """
import sys
from pathlib import Path
from nuseg.engines.backends.openvino import load
from nuseg.errors import NusegError
from nuseg.model.store import Model, read_config
for line in sys.stdin:
    folder = Path(line.strip())
    try:
        load(Model(read_config(folder / "model.json"), folder), "cpu", 1, "f32")
    except NusegError:
        pass
    print(folder.name, flush=True)
"""


def test_no_damaged_graph_ends_the_process(folder, tmp_path):
    """In a process of its own, which a crash of OpenVINO would end."""
    whole, rng = (folder / "model.onnx").read_bytes(), random.Random(0)
    places = []
    for number in range(60):
        damaged = bytearray(whole)
        for _ in range(rng.choice((1, 3, 9))):
            place = rng.randrange(len(damaged))
            match rng.randrange(4):
                case 0:
                    damaged[place] ^= 1 << rng.randrange(8)
                case 1:
                    damaged[place] = rng.choice((0, 127, 128, 255))
                case 2:
                    del damaged[place : place + rng.randrange(1, 20)]
                case _:
                    damaged[place:place] = rng.randbytes(rng.randrange(1, 12))
        place = tmp_path / str(number)
        place.mkdir()
        (place / "model.onnx").write_bytes(damaged)
        (place / "model.json").write_bytes((folder / "model.json").read_bytes())
        places.append(place)
    done = subprocess.run(
        [sys.executable, "-c", LOAD], input="\n".join(map(str, places)), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == [place.name for place in places]
