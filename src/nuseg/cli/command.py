"""What a command is, and the list of all commands."""

from collections.abc import Callable
from dataclasses import dataclass

from nuseg.registry import Registry


@dataclass(frozen=True)
class Command:
    """One command of `nuseg`.

    Attributes
    ----------
    name : str
        The word after `nuseg`.
    position : int
        Place in the help: lower is higher up; commands of one position are in the order of their names.
    function : callable
        What Typer makes the command of: its parameters are the options, its docstring is the help. Import what is
        large inside it, so that `nuseg --help` stays fast.
    """

    name: str
    position: int
    function: Callable[..., None]


commands: Registry[Command] = Registry("command", "nuseg.cli.commands", "COMMAND", "nuseg.commands")
