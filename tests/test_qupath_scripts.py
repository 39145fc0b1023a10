"""What the scripts for QuPath say of nuseg's options, files and names is so."""

import re
from pathlib import Path

import pytest
import typer

from nuseg.cli import make_app
from nuseg.results.formats.geojson import CLASSIFICATION
from nuseg.results.registry import outputs
from nuseg.segmentation.jobs import plan_jobs

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "qupath"
SCRIPTS = sorted(FOLDER.glob("*.groovy"))


def test_both_are_there_and_in_the_docs() -> None:
    text = (FOLDER.parent / "how-to.md").read_text(encoding="utf-8")
    assert [script.name for script in SCRIPTS] == ["import_results.groovy", "segment_open_image.groovy"]
    assert all(f"qupath/{script.name}" in text for script in SCRIPTS)


def test_options_and_outputs_exist() -> None:
    text = "\n".join(script.read_text(encoding="utf-8") for script in SCRIPTS)
    command = typer.main.get_command(make_app()).commands["segment"]  # type: ignore[attr-defined]
    known = {option for parameter in command.params for option in parameter.opts}
    used = set(re.findall(r'"(--[a-z-]+)"', text))
    assert {"--output", "--region", "--mpp"} <= used <= known
    for listed in re.findall(r'"--output", "([a-z,-]+)"', text):
        assert set(listed.split(",")) <= set(outputs)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_results_are_looked_for_where_they_are(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    (last_suffix,) = set(re.findall(r"replaceFirst\(/(.+?)/, \"\"\)", text))
    for file in ("a.svs", "a.b.tif", "case 1.ome.tiff", "none"):
        name = re.sub(last_suffix, "", file, count=1)
        assert name == plan_jobs([Path("scans") / file])[0].name
    for suffix in re.findall(r"\.geojson(?:\.gz)?", text):
        places = [outputs[kind].path(Path(), "NAME").as_posix() for kind in ("geojson", "geojson-gz")]
        assert f"geojson/NAME{suffix}" in places
    assert f'"{CLASSIFICATION["name"]}"' in text, "earlier nuclei are found by their class"
