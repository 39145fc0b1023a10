"""What README and docs say of the command line, the library and its files is so."""

import re
import runpy
import shlex
from importlib import import_module
from inspect import isfunction, signature
from pathlib import Path

import numpy as np
import pytest
import typer

import nuseg
from dark_model import CONFIG, dark_network
from nuseg.cli import make_app
from nuseg.model.config import ModelConfig
from nuseg.model.store import Model
from nuseg.results import summary
from nuseg.results.info import ResultInfo
from nuseg.results.store import MemoryStore
from nuseg.training.config import TrainConfig, render_config

ROOT = Path(__file__).resolve().parent.parent
DARK = Model(CONFIG, ROOT)
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = typer.main.get_command(make_app()).commands  # type: ignore[attr-defined]
OPTIONS = {
    name: {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    | {"-h", "--help", "--debug"}
    for name, command in COMMANDS.items()
}
ANY_COMMAND = set().union(*OPTIONS.values(), {"--version"})


def code_lines(text: str) -> list[str]:
    """Lines of the fenced blocks of a Markdown page, without comments."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines()]


def test_the_reference_shows_the_default_configuration() -> None:
    shown = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / "reference.md").read_text(), re.MULTILINE | re.DOTALL)
    assert shown == [render_config(TrainConfig()) + "\n"], "paste what `nuseg train --show-config` prints"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_code_blocks_have_these_options(page: Path) -> None:
    for line in code_lines(page.read_text()):
        if not line.startswith("nuseg "):
            continue
        name, *words = shlex.split(line, comments=True)[1:]
        assert name.startswith("-") or name in COMMANDS, line
        options = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert options <= OPTIONS.get(name, ANY_COMMAND), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_in_the_text_exist(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    # Other programs have options, too.
    ours = [code for code in re.findall(r"`([^`]+)`", text) if code.startswith(("nuseg ", "-"))]
    assert {option for code in ours for option in re.findall(r"(?<![\w-])--[a-z-]+", code)} <= ANY_COMMAND


def test_the_reference_names_every_option() -> None:
    text = (ROOT / "docs" / "reference.md").read_text()
    for name, options in OPTIONS.items():
        long = {option for option in options if option.startswith("--")} - {"--help", "--debug", "--no-open", "--out"}
        assert {option for option in long if option not in text} == set(), name


def reference() -> str:
    return (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """Text under a heading of the reference, up to the next heading."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", reference(), re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def first_cells(text: str) -> set[str]:
    """Names written as code in the first cells of tables."""
    cells = re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([\w.]+)[^`]*`", cell)}


def test_the_tables_of_the_reference_are_up_to_date() -> None:
    tables = runpy.run_path(str(ROOT / "docs" / "tables.py"))
    text = reference()
    assert tables["updated"](text) == text, "run `python docs/tables.py`"
    assert set(re.findall(r"<!-- table: (\w+) -->", text)) == set(tables["TABLES"])


def test_the_reference_names_all_that_is_public() -> None:
    named = {name.removeprefix("nuseg.") for name in first_cells(section("Python")) if name.startswith("nuseg.")}
    assert named == set(nuseg.__all__)


def test_the_reference_names_all_that_the_summary_holds() -> None:
    info = ResultInfo("a", None, "image", 2, 2, 0.25, "given")
    result = nuseg.Segmentation(info, MemoryStore([]), nuseg.open_source(np.zeros((2, 2, 3), np.uint8)))
    assert first_cells(section("summary.json")) == set(result.summary)
    assert first_cells(section("summary.csv")) == set(summary.COLUMNS)


def test_the_reference_names_all_settings() -> None:
    source = nuseg.open_source(np.zeros((20, 20, 3), np.uint8))
    settings = nuseg.Segmenter(DARK, dark_network)(source, 0.25).summary["settings"]
    assert set(settings) == first_cells(section("Settings"))


def test_the_reference_names_all_keys_of_a_model() -> None:
    assert set(ModelConfig.model_fields) <= first_cells(section("Model folder"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_of_nuseg_in_code_blocks_exist(page: Path) -> None:
    text = "\n".join(code_lines(page.read_text(encoding="utf-8")))
    for name in re.findall(r"(?<![\w./\"'-])nuseg\.(\w+)\(", text):
        assert hasattr(nuseg, name), name
    for module, names in re.findall(r"^from (nuseg[\w.]*) import ([\w, ]+)$", text, re.MULTILINE):
        for name in names.split(", "):
            assert hasattr(import_module(module), name), f"{module}.{name}"


@pytest.mark.parametrize("name", [name for name in nuseg.__all__ if isfunction(getattr(nuseg, name))])
def test_parameters_that_share_a_line_of_a_docstring_share_their_type(name: str) -> None:
    """The site gives all names of such a line, where it states no type, the type of the first."""
    function = getattr(nuseg, name)
    types = {word: one.annotation for word, one in signature(function).parameters.items()}
    for line in re.findall(r"^ *(\w+(?:, \w+)+)$", function.__doc__, re.MULTILINE):
        words = line.split(", ")
        if set(words) <= set(types):
            assert len({str(types[word]) for word in words}) == 1, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if ":" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
