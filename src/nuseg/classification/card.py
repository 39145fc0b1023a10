"""What a classifier is and is worth, on a page for people."""

from collections.abc import Sequence
from pathlib import Path

from nuseg.classification.classifier import Classifier
from nuseg.io.atomic import atomic_path
from nuseg.text import plural, printable


def write_card(classifier: Classifier, path: Path) -> None:
    """Write the card in Markdown."""
    with atomic_path(path) as temporary:
        temporary.write_text(card(classifier), encoding="utf-8")


def card(classifier: Classifier) -> str:
    """Describe a classifier: what it was learned from, its scores, and what it should not be trusted for."""
    learning, scores = classifier.content.learning, classifier.scores
    images = [name for name, counts in learning.examples.items() if any(counts.values())]
    marked = sum(one.examples for one in scores.classes.values())
    how = "images" if scores.by_image else "examples"
    looks = "measures, pixels and neighbourhood" if classifier.needs_pixels else "measures and neighbourhood, no pixels"
    parts = [
        f"# Classifier of nuclei: {', '.join(map(_cell, classifier.classes))}",
        f"Learned from {plural(marked, 'marked nucleus', 'marked nuclei')} on {plural(len(images), 'image')} by "
        f"extremely randomised trees on {looks} of each nucleus. Fingerprint {classifier.fingerprint}.",
        "## Scores",
        f"By cross-validation in {scores.folds} folds, {how} of one fold left out at a time: accuracy "
        f"{scores.accuracy:.3f}, mean F1 {scores.macro_f1:.3f}, calibration error {scores.calibration_error:.3f}.",
        _table(
            ("class", "examples", "precision", "recall", "F1"),
            [
                (_cell(name), f"{one.examples}", *(_number(value) for value in (one.precision, one.recall, one.f1)))
                for name, one in scores.classes.items()
            ],
        ),
        "Marked class (rows) and told class (columns):",
        _table(
            ("", *map(_cell, classifier.classes)),
            [(_cell(name), *map(str, row)) for name, row in zip(classifier.classes, scores.confusion, strict=True)],
        ),
    ]
    if learning.warnings:
        parts += ["## Warnings", "\n".join(f"- {text}" for text in learning.warnings)]
    parts += [
        "## Examples",
        _table(
            ("image", *map(_cell, classifier.classes)),
            [
                (_cell(name), *(str(counts.get(one, 0)) for one in classifier.classes))
                for name, counts in learning.examples.items()
            ],
        ),
        "Files: " + ", ".join(f"{_cell(name)} ({code})" for name, code in learning.files.items()) + ".",
        f"Nuclei found by {', '.join(map(_cell, learning.model))} at {', '.join(f'{mpp:g}' for mpp in learning.mpp)} "
        f"um/px; seed {learning.seed}; "
        + ", ".join(f"{name} {number}" for name, number in learning.versions.items())
        + ".",
        "## Limits",
        "Scores are of the marked nuclei: who marks clear ones alone sees better scores than all nuclei have. Every "
        "class weighs the same, so a class that is rare in the tissue is told too often. On another stain, scanner, "
        "organ or model for segmentation, mark some nuclei there and look at the scores. For research; no medical "
        "device.",
    ]
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    """A text of a file as part of a table in Markdown."""
    return printable(text).replace("|", "\\|").replace("<", "&lt;")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
