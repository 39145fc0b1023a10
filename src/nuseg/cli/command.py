"""What a command is, and the list of all commands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from typer.core import TyperCommand, TyperOption

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
    late_help : mapping
        Name of a parameter: function that gives its help, called when that is asked for; for help that is made of a
        registry.
    """

    name: str
    position: int
    function: Callable[..., None]
    late_help: Mapping[str, Callable[[], str]] = field(default_factory=dict)

    def typer_class(self) -> type[TyperCommand]:
        """The class that Typer makes the command of."""
        late_help = self.late_help

        class LateHelp(TyperCommand):
            """A command that fills in its late help."""

            def format_help(self, *where: Any) -> None:
                for parameter in self.params:
                    if isinstance(parameter, TyperOption) and parameter.name in late_help:
                        parameter.help = late_help[parameter.name]()
                super().format_help(*where)

        return LateHelp


commands: Registry[Command] = Registry("command", "nuseg.cli.commands", "COMMAND", "nuseg.commands")
