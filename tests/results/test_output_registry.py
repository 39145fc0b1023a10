"""The registry of outputs: names, defaults, and outputs from outside the package."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest

import nuseg
import nuseg.results.formats
from nuseg.errors import NusegError
from nuseg.results.output import Output, written_whole
from nuseg.results.registry import check_outputs, choose_outputs, default_outputs, outputs
from slide_results import as_batch, as_result, image_info, label_field

ROOT = Path(__file__).resolve().parents[2]
TOY = """
from nuseg.results.output import Output, written_whole


def write(path, result):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(len(result)))


OUTPUT = Output(name="toy", suffix=".txt", help="the count alone", open=written_whole(write))
"""


def test_every_module_holds_an_output() -> None:
    names = []
    for module in iter_modules(nuseg.results.formats.__path__):
        output = importlib.import_module(f"nuseg.results.formats.{module.name}").OUTPUT
        assert outputs[output.name] is output
        assert output.help
        assert output.suffix.startswith(".")
        names.append(output.name)
    assert list(outputs) == names
    assert nuseg.outputs is outputs


def test_none_gives_the_defaults() -> None:
    for kind in ("image", "slide"):
        assert choose_outputs(None, kind) == default_outputs(kind)
        assert all(kind in output.default_for and output.installed for output in default_outputs(kind))
        assert "csv" in [output.name for output in default_outputs(kind)]


@pytest.mark.parametrize("kind", ["image", "slide"])
def test_each_name_once_for_images_and_slides_alike(kind: Any) -> None:
    words = ["csv", "density", "mask", "csv"]
    assert [output.name for output in choose_outputs(words, kind)] == ["csv", "density", "mask"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["csv", "pdf"], r"^outputs: expected some of anndata, .*geoparquet.*zarr.*tissue; found pdf$"),
        (["jpg", "pdf"], "found jpg, pdf$"),
        ([], "found none$"),
    ],
)
def test_unknown_names(words: list[str], message: str) -> None:
    with pytest.raises(NusegError, match=message):
        check_outputs(words)
    with pytest.raises(NusegError, match=message):
        choose_outputs(words, "slide")


@pytest.mark.parametrize(("name", "package"), [("zarr", "zarr"), ("anndata", "anndata")])
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, name: str, package: str) -> None:
    monkeypatch.setattr("nuseg.results.output.find_spec", lambda name: None)
    with pytest.raises(NusegError, match=rf"output {name} needs the package {package}: pip install 'nuseg\[{name}\]'"):
        check_outputs(["csv", name])
    check_outputs(["csv"])


def test_places_differ() -> None:
    paths = [output.path(Path("out"), "a") for output in outputs.values()]
    assert len(set(paths)) == len(paths)
    assert outputs["csv"].path(Path("out"), "case.1") == Path("out/csv/case.1.csv")
    assert outputs["geojson-gz"].path(Path("out"), "a") == Path("out/geojson/a.geojson.gz")


def test_an_output_added_at_run_time_is_written_with_the_others(tmp_path: Path) -> None:
    def write(path: Path, result: nuseg.Segmentation) -> None:
        path.parent.mkdir(parents=True)
        path.write_text(f"{len(result)} nuclei")

    outputs.register(Output(name="count", suffix=".txt", help="the count", open=written_whole(write)))
    try:
        result = as_result([as_batch(label_field(100, 150))], image_info(100, 150))
        paths = result.save(tmp_path, ["count", "csv"])
        assert paths["count"] == tmp_path / "count" / "case 1.txt"
        assert paths["count"].read_text() == f"{len(result)} nuclei"
        assert paths["csv"].is_file()
    finally:
        outputs.unregister("count")
    assert "count" not in outputs


def test_an_output_from_another_package(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text(TOY, encoding="utf-8")
    info = tmp_path / "toy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[nuseg.outputs]\ntoy = toy:OUTPUT\n", encoding="utf-8")
    places = [str(ROOT / "src"), str(tmp_path), str(ROOT / "tests")]
    code = (
        "import sys, nuseg; from slide_results import *; "
        "paths = as_result([as_batch(label_field(100, 150))], image_info(100, 150)).save(sys.argv[1], 'toy'); "
        "print(list(nuseg.outputs)[-1], paths['toy'].read_text())"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    command = [sys.executable, "-c", code, str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "toy 24\n"


def test_the_example_for_contributors_runs(tmp_path: Path) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    example = re.search(r"^## Add an output.*?```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert example is not None
    names: dict[str, Any] = {}
    exec(example[1], names)
    output: Output = names["OUTPUT"]
    outputs.register(output)
    try:
        batch = as_batch(label_field(100, 150))
        path = as_result([batch], image_info(100, 150)).save(tmp_path, [output.name])[output.name]
    finally:
        outputs.unregister(output.name)
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    assert header == "x,y"
    assert len(lines) == len(batch)
    first = batch.table.iloc[0]
    assert lines[0] == f"{first['x_um']:.2f},{first['y_um']:.2f}"
