"""The outputs there are, by name."""

from collections.abc import Sequence

from nuseg.errors import NusegError
from nuseg.io.reader import Kind
from nuseg.registry import Registry
from nuseg.results.output import Output

outputs: Registry[Output] = Registry("output", "nuseg.results.formats", "OUTPUT", "nuseg.outputs")
"""All outputs. Another package adds its own by an entry point of the group `nuseg.outputs`, a program by `register`."""


def default_outputs(kind: Kind) -> list[Output]:
    """The outputs that are written of an image or a slide unless asked otherwise, where they can be."""
    return [output for output in outputs.values() if kind in output.default_for and output.installed]


def choose_outputs(names: Sequence[str] | None, kind: Kind) -> list[Output]:
    """Find outputs by name, each once, or the defaults of a kind of source.

    Raises
    ------
    NusegError
        None at all, an unknown one, or one that needs a package that is missing.
    """
    if names is None:
        return default_outputs(kind)
    check_outputs(names)
    return [outputs[name] for name in outputs if name in names]


def check_outputs(names: Sequence[str]) -> None:
    """Check the names of outputs before work begins; see `choose_outputs`."""
    unknown = [name for name in names if name not in outputs]
    if unknown or not names:
        raise NusegError(f"outputs: expected some of {', '.join(outputs)}; found {', '.join(unknown) or 'none'}")
    for name in names:
        outputs[name].require()
