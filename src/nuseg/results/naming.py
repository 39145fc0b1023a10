"""Names of results: such that every file system and every format can hold them."""

import hashlib
import os
import re
import unicodedata

from nuseg.text import UNPRINTABLE

MAX_BYTES = 180  # file systems hold 255: what remains is for suffixes, also those of other packages
DIGITS = 8


def result_name(name: str) -> str:
    """Make the name of results of that of a file.

    Letters are composed (NFC); bytes that are not UTF-8, control characters, separators of folders, and a dot at the
    start, which would hide the files, become `_`; what is longer than 180 bytes is cut. A name that lost something ends
    in a code, so that two that differ stay two. What is the name of results already is kept.
    """
    composed = unicodedata.normalize("NFC", name)
    safe = re.sub(rf"^\.|[/{re.escape(os.sep)}]", "_", UNPRINTABLE.sub("_", composed))
    if safe == composed and len(safe.encode()) <= MAX_BYTES:
        return safe
    kept = safe.encode()[: MAX_BYTES - DIGITS - 1].decode(errors="ignore")
    return f"{kept}-{name_code(name)}"


def name_code(name: str) -> str:
    """Code of the very bytes of a name."""
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:DIGITS]
