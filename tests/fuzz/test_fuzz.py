"""Whatever a file holds: it is read, or refused in one line that names it, in bounded time and memory."""

import re
from pathlib import Path

import pytest

from fuzz.inputs import Inputs
from fuzz.kinds import KINDS
from fuzz.worker import Worker
from nuseg.annotations.registry import annotation_formats

SHOWN = 5


def slug(name: str) -> str:
    """A name that `-k` understands."""
    return re.sub(r"\W+", "-", name.lower())


@pytest.mark.parametrize("name", KINDS, ids=slug)
def test_changed_files_are_read_or_refused(
    name: str, worker: Worker, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    kind = KINDS[name]
    option = request.config.getoption
    inputs, seed, only = (option(f"--fuzz-{word}", None) for word in ("inputs", "seed", "only"))
    count = kind.inputs if inputs is None else -(-inputs * kind.inputs // sum(kind.inputs for kind in KINDS.values()))
    report = Inputs(name, kind, tmp_path).run(worker, seed or 0, range(count) if only is None else [only])
    request.node.user_properties.append((f"fuzz {name}", dict(report.counts)))
    shown = report.faults if inputs is not None else report.faults[:SHOWN]
    if report.faults:
        pytest.fail("\n".join([f"{len(report.faults)} of {report.counts.total()} inputs", *shown]), pytrace=False)


def test_every_annotation_format_is_tried() -> None:
    pictures = {"labels", "binary", "folders", "dataset"}  # have kinds of their own
    tried = {name.split()[1] for name in KINDS if name.startswith("annotation ")}
    assert {*annotation_formats} - pictures == tried
