"""The command line: built from the registry of commands, and one place where errors become one clear line."""

import io
import logging
import sys
import warnings
from typing import Annotated, Any

import typer

from nuseg.cli.command import commands as registry  # `commands` here is the package
from nuseg.cli.messages import as_options
from nuseg.errors import NusegError
from nuseg.text import one_line, printable


def make_app() -> typer.Typer:
    """Make the command line of all commands in the registry, those of other installed packages included."""
    app = typer.Typer(
        name="nuseg",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Segment, count and measure cell nuclei in H&E images; train the U-Net on your own.\n\n"
        "Start with [bold]nuseg demo[/bold], then [bold]nuseg segment IMAGE -o OUT[/bold].",
    )
    for command in sorted(registry.values(), key=lambda command: (command.position, command.name)):
        app.command(command.name, cls=command.typer_class())(command.function)
    app.callback()(common)
    return app


def print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"nuseg {version('nuseg')}")
        raise typer.Exit


def common(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=print_version, is_eager=True, help="Show the version and stop."),
    ] = False,
) -> None:
    pass


def print_warning(message: Warning | str, *_where: Any, **_how: Any) -> None:
    print(f"warning: {as_options(str(message))}", file=sys.stderr)


def main() -> None:
    """Run the command line; a problem the user can mend is one line on stderr and exit code 1."""
    debug = "--debug" in sys.argv[1:]
    if debug:  # accepted before and after the command's name
        sys.argv = [sys.argv[0], *(word for word in sys.argv[1:] if word != "--debug")]
        logging.basicConfig(level=logging.WARNING)
        logging.getLogger("nuseg").setLevel(logging.DEBUG)
    else:
        warnings.showwarning = print_warning
    for stream in (sys.stdout, sys.stderr):  # a name that is not UTF-8 is printed with escapes
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        make_app()()
    except Exception as error:
        if debug:
            raise
        expected = isinstance(error, NusegError)
        line = one_line(error)
        text = str(error) if expected else f"unexpected {type(error).__name__}: {line} (--debug shows where)"
        lines = as_options(text).split("\n")  # a list of bad files has one a line
        print("error: " + "\n".join(map(printable, lines)), file=sys.stderr)
        sys.exit(1)
