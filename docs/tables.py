"""The tables of reference.md that say what the registries hold.

    python docs/tables.py

Writes them anew between the lines `<!-- table: NAME -->` and `<!-- end -->`; `tests/test_docs.py` checks that this
changes nothing.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from nuseg.annotations.format import AnnotationFormat
from nuseg.annotations.registry import annotation_formats
from nuseg.datasets.public.public_dataset import PublicDataset
from nuseg.datasets.public.registry import public_datasets
from nuseg.engines.registry import engines
from nuseg.measure.nuclei import COLUMNS
from nuseg.model.registry import architectures, heads
from nuseg.preprocess.stain.registry import stain_methods
from nuseg.quality.check import checks
from nuseg.registry import Registry
from nuseg.results.output import Output
from nuseg.results.registry import outputs

PAGE = Path(__file__).with_name("reference.md")
BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def own(registry: Registry[Any]) -> list[Any]:
    """What comes with nuseg, without what other installed packages add."""
    return Registry[Any](registry.kind, registry.package, registry.attribute, group="nuseg.none").values()


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Write a table in Markdown."""
    rule = "|" + "---|" * len(head)
    return "\n".join([_row(head), rule, *map(_row, rows), ""])


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def code(names: Iterable[str]) -> str:
    """Write names as code, with commas between."""
    return ", ".join(f"`{name}`" for name in names)


def output_rows() -> list[tuple[str, ...]]:
    """Outputs: the usual ones of images first, then those of slides, then the others; those of one folder together."""

    def rank(one: Output) -> tuple[bool, bool]:
        return "image" not in one.default_for, "slide" not in one.default_for

    found: list[Output] = own(outputs)
    first = {one.path(Path(), "").parent: rank(one) for one in sorted(found, key=rank, reverse=True)}
    order = sorted(found, key=lambda one: (first[one.path(Path(), "").parent], rank(one)))
    return [
        (
            code([one.name]),
            code([one.path(Path(), "NAME").as_posix()]),
            one.help,
            ", ".join(f"{kind}s" for kind in one.default_for),
            code([f"nuseg[{one.extra}]"]) if one.extra else "",
        )
        for one in order
    ]


def annotation_cells(one: AnnotationFormat) -> tuple[str, ...]:
    """Files, how they are written, whether one holds many images, and what has to be installed."""
    written = code(one.written_suffixes or one.suffixes) or "folders"
    many = " and ".join(word for word, so in (("read", one.many_read), ("written", one.many_written)) if so)
    written = "a folder" if one.folder_entries else written
    return (
        code(one.suffixes) or "folders",
        written if one.writable else "",
        many,
        code([one.needs[1]]) if one.needs else "",
    )


def dataset_cells(one: PublicDataset) -> tuple[str, ...]:
    """Size, tissue, resolution, licence, split, how to get it, reference."""
    return (
        code([one.name]),
        f"{one.images:,}",
        f"{one.nuclei:,}" if one.nuclei else "",
        one.organs,
        "mixed" if one.mpp is None else f"{one.mpp:g}",
        one.licence if one.commercial == "allowed" else f"{one.licence}; commercial use {one.commercial}",
        one.split,
        "`--download`" if one.downloads else f"[by hand]({one.address})",
        one.citation,
    )


DATASET_HEADS = ("dataset", "images", "nuclei", "organs", "um/px", "licence", "official split", "get it", "cite")


TABLES: dict[str, Callable[[], str]] = {
    "outputs": lambda: table(("output", "file", "content", "default for", "needs"), output_rows()),
    "annotations": lambda: table(
        ("format", "content", "files", "written", "one file for many images", "needs"),
        ((code([one.name]), one.help, *annotation_cells(one)) for one in own(annotation_formats)),
    ),
    "datasets": lambda: table(DATASET_HEADS, (dataset_cells(one) for one in own(public_datasets))),
    "travels": lambda: table(
        ("format", "kept", "lost", "coordinates"),
        ((code([one.name]), one.kept, one.lost, one.convention) for one in own(annotation_formats)),
    ),
    "columns": lambda: table(("column", "meaning"), ((code([name]), help_) for name, help_ in COLUMNS.items())),
    "architectures": lambda: table(("preset", "network"), ((code([one.name]), one.help) for one in own(architectures))),
    "heads": lambda: table(
        ("head", "output", "maps", "given by the model"),
        ((code([one.name]), one.help, code(one.channels), "yes" if one.exported else "no") for one in own(heads)),
    ),
    "stains": lambda: table(("method", "by"), ((code([one.name]), one.help) for one in own(stain_methods))),
    "checks": lambda: table(
        ("check", "looks for", "annotation", "model"),
        (
            (code([one.name]), one.help, ", ".join(one.kinds), "needed" if one.needs_model else "")
            for one in sorted(own(checks), key=lambda check: check.position)
        ),
    ),
    "engines": lambda: table(("engine", "`--device`"), ((code([one.name]), code(one.devices)) for one in own(engines))),
}


def updated(text: str) -> str:
    """Give a page with its tables written anew."""
    return BLOCK.sub(lambda block: f"{block[1]}{TABLES[block[2]]()}{block[3]}", text)


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
