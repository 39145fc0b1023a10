from functools import partial

import numpy as np
import pytest
from command_line import check_one_error, run_cli

from annotated import field, write_source
from nuseg.datasets.dataset import Dataset
from nuseg.io.image import write_png

run = partial(run_cli, "prepare")


@pytest.fixture
def source(tmp_path):
    return write_source(tmp_path / "source", ["p1_a", "p1_b", "p2_a", "p3_a"])


def test_prints_decisions_table_and_where_to_look(source, tmp_path):
    result = run(
        source, "-o", tmp_path / "set", "--mpp", 0.5, "--group", "^(p.)_", "--licence", "CC0", "--name", "mine"
    )
    assert result.code == 0, result.output
    assert "format: labels, because p1_a.tif has 3 different labels" in result.out
    assert "groups: by --group ^(p.)_" in result.out
    assert f"look at: {tmp_path / 'set' / 'contact_sheet.png'}" in result.out
    assert "mine (instance)" in result.out
    rows = [line.replace("│", " ").split() for line in result.out.splitlines() if line.startswith("│")]
    assert {row[0] for row in rows} == {"train", "validation", "test"}
    assert sum(int(row[1]) for row in rows) == 4
    assert sum(int(row[3]) for row in rows) == 12
    dataset = Dataset.load(tmp_path / "set")
    assert (dataset.name, dataset.licence, len({item.group for item in dataset.items})) == ("mine", "CC0", 3)


def test_every_option_reaches_the_dataset(tmp_path):
    for seed, name in enumerate("ab"):
        pixels, labels = field(seed)
        write_png(tmp_path / f"HE/{name}.png", pixels)
        write_png(tmp_path / f"GT2/{name}.png", (labels > 0).astype(np.uint8))
    (tmp_path / "t.csv").write_text("name,patient,part,um\na,x,test,0.5\nb,y,test,0.4\n")
    words = ["--images", "HE", "--labels", "GT2", "--format", "binary", "--annotation", "instance", "--seed", 3]
    words += ["--table", tmp_path / "t.csv", "--group-column", "patient", "--split-column", "part"]
    words += ["--mpp-column", "um", "--source", "lab"]
    result = run(tmp_path, "-o", tmp_path / "set", *words)
    assert result.code == 0, result.output
    dataset = Dataset.load(tmp_path / "set")
    assert [(i.split, i.group, i.mpp) for i in dataset.items] == [("test", "x", 0.5), ("test", "y", 0.4)]
    assert (dataset.annotation, dataset.source) == ("instance", "lab")


def test_warnings_are_joined_and_shown(source, tmp_path):
    result = run(source, "-o", tmp_path / "set", "--split", "1,0,0")
    assert "warning: no resolution in the file, taken as 0.25 um/px (40x)" in result.out
    assert "p1_a, p1_b, p2_a and 1 more" in result.out


@pytest.mark.parametrize("words", [["--split", "1,2"], ["--mpp", "50"], ["--group", "("], ["--labels", "none"]])
def test_problems_are_for_the_user_to_mend(source, tmp_path, words):
    result = run(source, "-o", tmp_path / "set", *words)
    check_one_error(result, words[0])


@pytest.mark.parametrize("words", [["--format", "boxes"], ["--mpp", "x"], ["--frac", "1"]])
def test_usage_errors(source, tmp_path, words):
    assert run(source, "-o", tmp_path / "set", *words).code == 2


def test_help_teaches():
    text = run("--help").output
    for word in ("Examples", "--group", "patient", "contact_sheet.png", "--split-column"):
        assert word in text
