"""Names of classes: mapped to others, and merged."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from nuseg.annotations.annotation import Annotation, some
from nuseg.errors import NusegError
from nuseg.text import in_short, shortened

PLAIN_CLASS = "Nucleus"
_YAML = (".yaml", ".yml")
_LARGEST = 1 << 20


@dataclass
class ClassNames:
    """New names by old ones, and which of the old ones occurred.

    Attributes
    ----------
    new : mapping of str to (str or None)
        Names that are not in it stay; of two with one new name the classes are merged; None takes the class away.
    seen : set of str
        Old names that `renamed` met.
    """

    new: Mapping[str, str | None]
    seen: set[str] = field(default_factory=set)

    def renamed(self, annotation: Annotation) -> Annotation:
        """Give the annotation with the new names."""
        self.seen.update(name for name in annotation.all_classes if name in self.new)
        if annotation.classes is None and not annotation.vocabulary:
            return annotation
        classes = None
        if annotation.classes is not None:
            classes = some(None if name is None else self.new.get(name, name) for name in annotation.classes)
        vocabulary = (self.new.get(name, name) for name in annotation.vocabulary)
        return replace(
            annotation,
            classes=classes,
            vocabulary=tuple(dict.fromkeys(name for name in vocabulary if name is not None)),
            colours={new: c for name, c in annotation.colours.items() if (new := self.new.get(name, name)) is not None},
        )

    @property
    def unseen(self) -> list[str]:
        """Old names that never occurred."""
        return [name for name in self.new if name not in self.seen]


def without_plain(annotation: Annotation) -> Annotation:
    """Take the plain class away, which says nothing of a nucleus: results have it, so that QuPath shows a colour."""
    return ClassNames({PLAIN_CLASS: None}).renamed(annotation)


def parse_classes(given: str) -> ClassNames:
    """Read new names of classes: `old=new,old=new`, or a YAML file.

    The file maps old names to new ones, or new ones to lists of old ones: `epithelial: [tumour, benign]`. An empty new
    name takes the class away.

    Raises
    ------
    NusegError
        It is neither, or names an old one twice.
    """
    if given.lower().endswith(_YAML):
        return ClassNames(_of_yaml(Path(given).expanduser()))
    pairs = [part.split("=", 1) for part in given.split(",") if part.strip()]
    if not pairs or any(len(pair) < 2 or not pair[0].strip() for pair in pairs):
        raise NusegError(
            f"classes='{shortened(given)}': expected old=new,old=new or a YAML file, such as "
            "tumour=epithelial,lymphocyte=inflammatory"
        )
    return ClassNames(_unique(given, [(old.strip(), new.strip() or None) for old, new in pairs]))


def _of_yaml(path: Path) -> dict[str, str | None]:
    try:
        if path.stat().st_size > _LARGEST:
            raise NusegError(f"{path}: expected a short list of classes, found {path.stat().st_size:,} bytes")
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise NusegError(f"{path}: cannot be read as YAML ({in_short(error)})") from error
    if not isinstance(content, dict):
        raise NusegError(
            f"{path}: expected names of classes such as 'tumour: epithelial', found {type(content).__name__}"
        )
    pairs: list[tuple[str, str | None]] = []
    for name, value in content.items():
        if isinstance(value, list) and all(isinstance(old, str | int) for old in value):
            pairs += [(str(old), str(name)) for old in value]
        elif value is None or isinstance(value, str | int):
            pairs.append((str(name), None if value in (None, "") else str(value)))
        else:
            raise NusegError(
                f"{path}: {shortened(str(name))}: expected a name or a list of names, found {type(value).__name__}"
            )
    return _unique(str(path), pairs)


def _unique(where: str, pairs: list[tuple[str, str | None]]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for old, new in pairs:
        if old in found and found[old] != new:
            raise NusegError(
                f"classes='{shortened(where)}': gives {old} two new names, {found[old]} and {new}; leave one"
            )
        found[old] = new
    return found
