"""What is noticed while a dataset is made, and how it is listed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nuseg.errors import NusegError

MAX_ERRORS = 20
"""Problems listed before the rest is only counted."""


@dataclass(frozen=True)
class Finding:
    """Something to tell the user; equal texts are listed together.

    Attributes
    ----------
    level : "error", "warning" or "note"
        An error stops the preparation after all files were looked at.
    name : str
        What it concerns: the name of an image, of several, or of a split.
    """

    level: Literal["error", "warning", "note"]
    text: str
    name: str


def gather(findings: Iterable[Finding], names_shown: int = 3) -> list[tuple[str, str]]:
    """Join findings of equal text: (level, line with the names), in order of first appearance."""
    joined: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        joined.setdefault((finding.level, finding.text), []).append(finding.name)
    lines: list[tuple[str, str]] = []
    for (level, text), names in joined.items():
        more = f" and {len(names) - names_shown} more" if len(names) > names_shown else ""
        lines.append((level, f"{text}: {', '.join(names[:names_shown])}{more}"))
    return lines


def raise_errors(source: Path, findings: Iterable[Finding]) -> None:
    """Raise all findings that are errors as one.

    Raises
    ------
    NusegError
        One line for one error; else a headline and one line per error.
    """
    errors = [finding.text for finding in findings if finding.level == "error"]
    if len(errors) == 1:
        raise NusegError(errors[0])
    if errors:
        raise NusegError(listed(f"{source}: {len(errors)} files cannot be used", errors))


def listed(headline: str, lines: Sequence[str]) -> str:
    """Join a headline and lines, at most `MAX_ERRORS` of them."""
    more = [f"and {len(lines) - MAX_ERRORS} more"] if len(lines) > MAX_ERRORS else []
    return "\n  ".join([f"{headline}:", *lines[:MAX_ERRORS], *more])
