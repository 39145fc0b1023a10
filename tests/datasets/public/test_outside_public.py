"""A public dataset from outside the package, which is that of CONTRIBUTING."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nuseg import prepare_public, public_datasets
from nuseg.datasets.public.public_dataset import PublicDataset
from outside_package import install, run_python
from public_trees import SIDE, SQUARES, image

ROOT = Path(__file__).resolve().parents[3]


def example() -> str:
    """The module in CONTRIBUTING."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE | re.DOTALL)
    return next(block for block in blocks if "class Hospital(" in block)


@pytest.fixture
def hospital() -> Iterator[PublicDataset]:
    """The dataset, registered."""
    names: dict[str, PublicDataset] = {}
    exec(example(), names)
    yield public_datasets.register(names["DATASET"])
    public_datasets.unregister("hospital")


def test_the_example_prepares(hospital: PublicDataset, tmp_path: Path) -> None:
    for seed, (part, name) in enumerate([("training", "a-1"), ("training", "b-1"), ("test", "c-1")]):
        image(tmp_path / "given" / part / f"{name}.png", seed)
        rings = ([[x, y], [x + SIDE, y], [x + SIDE, y + SIDE], [x, y + SIDE], [x, y]] for x, y in SQUARES)
        shapes = ({"type": "Polygon", "coordinates": [ring]} for ring in rings)
        features = [{"type": "Feature", "geometry": shape, "properties": {}} for shape in shapes]
        text = json.dumps({"type": "FeatureCollection", "features": features})
        (tmp_path / "given" / part / f"{name}.geojson").write_text(text)
    dataset = prepare_public("hospital", tmp_path / "out", tmp_path / "given").dataset
    assert {item.name: item.group for item in dataset.items} == {"a-1": "a", "b-1": "b", "c-1": "c"}
    assert sorted(item.split for item in dataset.items) == ["test", "train", "validation"]
    assert {item.nuclei for item in dataset.items} == {3}


def test_another_package_adds_one_by_an_entry_point(tmp_path: Path) -> None:
    module = tmp_path / "hospital.py"
    module.write_text(example())
    folder = tmp_path / "packages"
    folder.mkdir()
    install(folder, module, {"nuseg.public_datasets": "DATASET"})
    assert run_python(folder, "import nuseg; print('hospital' in nuseg.public_datasets)").strip() == "True"


def test_listing_needs_neither_pooch_nor_requests() -> None:
    script = (
        "import sys, nuseg; list(nuseg.public_datasets); "
        "import nuseg.datasets.public.prepare_public; print({'pooch', 'requests'} & set(sys.modules))"
    )
    path = str(ROOT / "src")
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={"PYTHONPATH": path}, check=True
    )
    assert done.stdout.strip() == "set()"
