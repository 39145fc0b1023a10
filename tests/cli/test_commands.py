"""The registry of commands: what is listed, in what order, and commands from outside the package."""

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import numpy as np
import pytest
import typer
from command_line import SOURCE, WIDE, run_cli, run_process

import nuseg.cli.commands
from nuseg.cli import make_app
from nuseg.cli.command import Command, commands
from slide_files import save_pyramid

ORDER = [
    "demo",
    "segment",
    "report",
    "view",
    "info",
    "stain",
    "datasets",
    "prepare",
    "convert",
    "formats",
    "check",
    "train",
    "evaluate",
    "compare",
    "export",
    "models",
]
TOY = '''
from nuseg.cli.command import Command
from nuseg.errors import NusegError


def toy(times: int = 1) -> None:
    """Greet."""
    if times < 0:
        raise NusegError("--times: expected 0 or more")
    print(" ".join(["hello"] * times))


COMMAND = Command("toy", 15, toy)
'''

Outside = Callable[..., subprocess.CompletedProcess[str]]


def listed() -> list[str]:
    """The commands in the order of the help."""
    return list(typer.main.get_command(make_app()).commands)  # type: ignore[attr-defined]


def test_the_help_lists_the_commands_in_the_order_of_use() -> None:
    assert listed() == ORDER


def test_every_module_holds_the_command_of_its_name() -> None:
    for module in iter_modules(nuseg.cli.commands.__path__):
        command = importlib.import_module(f"nuseg.cli.commands.{module.name}").COMMAND
        assert (command.name, commands[command.name]) == (module.name, command)
        assert command.function.__doc__


def test_a_command_added_at_run_time_runs() -> None:
    def greet() -> None:
        """Greet."""
        print("hello")

    commands.register(Command("greet", 15, greet))
    try:
        assert run_cli("greet").out == "hello\n"
        assert listed() == [ORDER[0], "greet", *ORDER[1:]]
    finally:
        commands.unregister("greet")
    assert run_cli("greet").code == 2


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    """Runs Python in an environment where a package outside nuseg is installed that brings the command `toy`."""
    (tmp_path / "toy.py").write_text(TOY, encoding="utf-8")
    info = tmp_path / "toy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[nuseg.commands]\ntoy = toy:COMMAND\n", encoding="utf-8")
    environment = {**os.environ, **WIDE, "PYTHONPATH": os.pathsep.join([str(SOURCE), str(tmp_path)])}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    return run


def test_a_command_from_another_package_runs(outside: Outside) -> None:
    done = outside("-m", "nuseg", "toy", "--times", "2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello hello\n", "")


def test_its_errors_are_one_line_too(outside: Outside) -> None:
    done = outside("-m", "nuseg", "toy", "--times", "-1")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "error: --times: expected 0 or more\n")


def test_it_stands_in_the_help_where_it_says(outside: Outside) -> None:
    help_text = outside("-m", "nuseg", "--help").stdout
    assert help_text.index("Segment two images") < help_text.index("Greet.") < help_text.index("and whole slides")


def test_it_is_there_even_where_its_module_is_imported_first(outside: Outside) -> None:
    code = "import sys, toy; from nuseg.cli import main; sys.argv = ['nuseg', 'toy']; main()"
    assert outside("-c", code).stdout == "hello\n"


def test_a_command_that_cannot_be_loaded_leaves_the_others(outside: Outside, tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text("import no_such_module", encoding="utf-8")
    done = outside("-m", "nuseg", "models", "--help")
    assert done.returncode == 0
    assert "toy" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_example_for_contributors_runs(tmp_path: Path) -> None:
    text = (SOURCE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    example = re.search(r"^## Add a command.*?```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert example is not None
    names: dict[str, Any] = {}
    exec(example[1], names)
    save_pyramid(tmp_path / "a.tif", np.zeros((64, 64, 3), np.uint8), (1,), 0.5, compression=None)
    commands.register(names["COMMAND"])
    try:
        assert run_cli("mpp", tmp_path / "a.tif").out == f"{tmp_path / 'a.tif'} 0.5\n"
    finally:
        commands.unregister("mpp")


def test_help_loads_nothing_large() -> None:
    code = (
        "import sys; from nuseg.cli import make_app; make_app(); "
        "print({'numpy', 'torch', 'cv2', 'pandas', 'openvino', 'scipy'} & set(sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "set()\n"


def test_python_m_nuseg_is_the_command_line() -> None:
    assert "segment" in run_process("--help").out
