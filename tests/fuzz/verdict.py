"""What is wrong with what became of a file: nothing, where it was read, or refused in words that help."""

from pathlib import Path

from fuzz.worker import Outcome

LONGEST = 1000  # characters of a message, without the folder of the file
MOST_LINES = 20  # where a door lists several problems


def fault_of(outcome: Outcome, folder: Path, lists: bool = False) -> str | None:
    """Say what is wrong with an outcome.

    Parameters
    ----------
    outcome : Outcome
    folder : Path
        Of the files that were read; a message has to name it, as it does in the path of a file.
    lists : bool
        Whether the message may be a list of problems, one a line.

    Returns
    -------
    str or None
        None where nothing is wrong.
    """
    if outcome.kind == "read":
        return None
    if outcome.kind != "refused":
        return f"{outcome.kind}: {outcome.message} ({outcome.where}; {outcome.memory} MiB)"
    message = outcome.message.replace(str(folder), "FOLDER")
    lines = message.split("\n")
    if not message.strip():
        return "message: empty"
    if len(lines) > (MOST_LINES if lists else 1):
        return f"message: {len(lines)} lines: {message[:300]!r}"
    if not all(line.isprintable() for line in lines):
        return f"message: holds control characters: {message[:300]!r}"
    if max(map(len, lines)) > LONGEST:
        return f"message: {len(message):,} characters: {message[:300]!r}"
    if "FOLDER" not in message:
        return f"message: does not name the file: {message[:300]!r}"
    return None


def escaped(root: Path, before: set[Path], allowed: Path) -> str | None:
    """Say what was written outside of the output folder."""
    found = sorted(path for path in files_below(root) - before if not path.is_relative_to(allowed))
    return f"wrote outside of the output folder: {', '.join(map(str, found[:3]))}" if found else None


def files_below(root: Path) -> set[Path]:
    """All files and folders in a folder, at any depth."""
    return set(root.rglob("*"))
