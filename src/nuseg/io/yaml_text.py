"""YAML of plain values, whoever wrote it; see `nuseg.io.documents`."""

from pathlib import Path
from typing import Any

import yaml

from nuseg.io.documents import DocumentError, read_text
from nuseg.text import one_line, shortened

SIZE = 200_000  # bytes of a file
DEPTH, VALUES = 32, 20_000
LONGEST_VALUE = 10_000  # characters


def parse_yaml(text: str) -> Any:
    """Parse YAML of plain values: no tags that make objects, and bounds on what is nested and repeated.

    Raises
    ------
    DocumentError
        It is no YAML, or beyond the bounds.
    """
    try:
        _check(text)
        return yaml.safe_load(text)
    except DocumentError:
        raise
    except yaml.YAMLError as error:
        raise DocumentError(f"not YAML: {shortened(one_line(error))}") from error
    except Exception as error:  # such as 2001-02-30 or !!bool "x", on which PyYAML fails in any way
        raise DocumentError(f"not YAML: a value that is not of its kind ({shortened(one_line(error))})") from error


def read_yaml(path: Path) -> Any:
    """Read YAML; see `nuseg.io.documents.read_text` and `parse_yaml`.

    Raises
    ------
    DocumentError
        It cannot be read, is no YAML, or beyond the bounds.
    """
    return parse_yaml(read_text(path, SIZE))


def _check(text: str) -> None:
    """Go through YAML event by event, which takes no memory, and refuse what would grow or nest beyond the bounds."""
    sizes: dict[str, int] = {}  # values in what an anchor stands for
    open_: list[tuple[str, int]] = [("", 0)]  # anchor of each list or section around, and its values so far
    for event in yaml.parse(text, yaml.SafeLoader):
        anchor, count = getattr(event, "anchor", None) or "", 0
        if isinstance(event, yaml.CollectionStartEvent):
            open_.append((anchor, 1))
            if len(open_) > DEPTH:
                raise DocumentError(f"lists or sections inside one another beyond {DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, count = open_.pop()
        elif isinstance(event, yaml.ScalarEvent):
            count = 1
            if len(event.value) > LONGEST_VALUE:
                raise DocumentError(f"a value of {len(event.value):,} characters, expected at most {LONGEST_VALUE:,}")
        elif isinstance(event, yaml.AliasEvent):
            if anchor not in sizes:
                raise DocumentError(f"*{shortened(anchor)} stands for nothing, or for itself")
            count = sizes[anchor]
        if anchor and count:
            sizes[anchor] = count
        outer, before = open_[-1]
        open_[-1] = outer, before + count
        if before + count > VALUES:
            raise DocumentError(f"more than {VALUES:,} values, those counted that `*` repeats")
