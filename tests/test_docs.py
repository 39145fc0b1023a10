"""What README and docs say of the command line is what it does."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from nuseg.cli import make_app
from nuseg.training.config import TrainConfig, render_config

ROOT = Path(__file__).resolve().parent.parent
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
