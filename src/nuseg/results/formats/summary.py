"""Counts, means, resolution, model and versions as JSON."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from nuseg.io.atomic import atomic_path
from nuseg.results.output import Output, written_whole

if TYPE_CHECKING:
    from nuseg.results.segmentation import Segmentation


def write_result(path: Path, result: "Segmentation") -> None:
    """Write the summary of a result, whole or not at all."""
    text = json.dumps(result.summary, indent=2, ensure_ascii=False, default=str) + "\n"
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


OUTPUT = Output(
    name="summary",
    suffix=".json",
    help="counts, means, resolution, model, versions",
    open=written_whole(write_result),
    default_for=("slide",),
)
