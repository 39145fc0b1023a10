"""Words of the library put into the words of the command line."""

import re

# `mpp=`, `resume=True` or `format='labels'`: the name of a parameter, not within a path, a value or another word.
_PARAMETER = re.compile(r"(?<![\w./\\=-])([a-z][a-z0-9_]*)=(?:'([^']*)'|(?:True)?(?=$|[\s.,:;!?)\]]))")


def as_options(text: str) -> str:
    """Name options where a message of the library names parameters.

    The library writes `mpp=`, `resume=True`, or `format='labels'` with a value; the command line calls these `--mpp`,
    `--resume` and `--format labels`.
    """

    def option(found: re.Match[str]) -> str:
        value = "" if found[2] is None else f" {found[2]}"
        return f"--{found[1].replace('_', '-')}{value}"

    return _PARAMETER.sub(option, text)
