"""Paths as users write them, and names as file systems compare them."""

import os
import unicodedata
from pathlib import Path


def user_path(given: str | Path) -> Path:
    """Read a path as its user means it: `~` at its start is the home folder, unless something has that very name."""
    path = Path(given)
    if os.path.lexists(path):
        return path
    try:
        return path.expanduser()
    except RuntimeError:  # no user of that name
        return path


def same_name(name: str) -> str:
    """Bring names that some file system takes for the same to one form: without regard to case and composition.

    Accented letters have two forms in Unicode, composed (NFC) and decomposed (NFD); macOS turns one into the other.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
