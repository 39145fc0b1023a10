"""Comparisons of scores: numbers by hand, groups, correction, words, what is refused."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel

import nuseg
from nuseg.errors import NusegError
from nuseg.evaluation.candidates import folder_names, short_names
from nuseg.evaluation.compare import ScoreComparison

NAMES = [f"i{number:02}" for number in range(12)]
BASE = np.linspace(0.5, 0.72, 12)


def write(folder: Path, scores: object, name: str = "aji", **columns: object) -> Path:
    """What `nuseg evaluate` leaves, as far as a comparison reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    length = len(np.asarray(scores))
    table = pd.DataFrame({"name": NAMES[:length], **columns, name: scores})
    table.to_csv(folder / "per_image.csv", index=False)
    return folder


def compared(tmp_path: Path, *scores: object, **options: object) -> ScoreComparison:
    folders = [write(tmp_path / f"s{number}", each) for number, each in enumerate(scores)]
    return nuseg.compare(folders, **options)  # type: ignore[arg-type]


def test_differences_are_paired_by_name(tmp_path: Path) -> None:
    shuffled = write(tmp_path / "b", BASE + 0.01)
    table = pd.read_csv(shuffled / "per_image.csv").sample(frac=1, random_state=1)
    table.to_csv(shuffled / "per_image.csv", index=False)
    found = nuseg.compare([write(tmp_path / "a", BASE), shuffled])
    (pair,) = found.pairs
    assert pair.images["difference"].to_list() == pytest.approx([0.01] * 12)
    assert (pair.first, pair.second, pair.better) == ("a", "b", "b")
    assert pair.test.mean == pytest.approx(0.01)
    assert "b is better than a: its AJI is higher by 0.010" in pair.verdict
    assert "p < 0.001" in pair.verdict
    assert pair.more_images == 0


def test_the_better_one_may_be_the_first(tmp_path: Path) -> None:
    found = compared(tmp_path, BASE + 0.05, BASE)
    assert found.pairs[0].better == "s0"
    assert "s0 is better than s1: its AJI is higher by 0.050 (s1 less s0: 95 % interval -0.050" in found.verdicts[0]


def test_lower_is_better_of_count_errors(tmp_path: Path) -> None:
    few, many = np.arange(12) % 3, np.arange(12) % 3 + 4
    folders = [write(tmp_path / n, v, "abs_count_error") for n, v in (("few", few), ("many", many))]
    found = nuseg.compare(folders, score="abs_count_error")
    assert found.pairs[0].better == "few"
    assert "few is better than many: its absolute count error is lower by 4.0" in found.verdicts[0]


def test_alike_ones_cannot_be_told_apart_and_the_number_of_images_is_said(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0.004, 0.03, 12)
    pair = compared(tmp_path, BASE, BASE + noise).pairs[0]
    assert pair.better is None
    assert pair.test.p == pytest.approx(ttest_rel(BASE + noise, BASE).pvalue, abs=0.05)
    assert pair.verdict.startswith("These 12 images cannot tell s0 and s1 apart: AJI of s1 less that of s0 is ")
    assert pair.more_images == pair.test.groups_needed() - 12  # type: ignore[operator]
    assert "more images would show it, in four of five cases" in pair.verdict


def test_the_same_scores_are_called_the_same(tmp_path: Path) -> None:
    pair = compared(tmp_path, BASE, BASE).pairs[0]
    assert pair.verdict == "s0 and s1 have the same AJI on every image (12 images)."
    assert (pair.p, pair.better, pair.more_images) == (1, None, None)


def test_few_images_can_never_tell(tmp_path: Path) -> None:
    pair = compared(tmp_path, BASE[:4], BASE[:4] + 0.1).pairs[0]
    assert pair.better is None
    assert "So few images can never tell two apart: it takes 6 at least." in pair.verdict
    assert pair.more_images == 2


def test_patients_count_once(tmp_path: Path) -> None:
    """Twelve images that all gain: clear as images, and nothing as three patients."""
    patients = ["p", "q", "r"] * 4
    both = [write(tmp_path / n, s, group=patients) for n, s in (("a", BASE), ("b", BASE + 0.02))]
    found = nuseg.compare(both)
    pair = found.pairs[0]
    assert (pair.test.images, pair.test.groups, pair.test.p) == (12, 3, 0.25)
    assert pair.better is None
    assert "12 images of 3 groups (patients, slides)" in pair.verdict
    assert "So few groups can never tell two apart: it takes 6 at least." in pair.verdict
    assert (pair.more_groups, pair.more_images) == (3, 12)
    assert "about 3 more groups (12 images)" in pair.verdict
    assert "with fewer than 6 groups" in found.notes[0]


def test_a_table_says_who_the_patients_are(tmp_path: Path) -> None:
    table = tmp_path / "clinical.csv"
    table.write_text("name,patient,case\n" + "".join(f"{n},p{i % 4},c{i % 6}\n" for i, n in enumerate(NAMES)))
    assert compared(tmp_path, BASE, BASE + 0.02, table=table).pairs[0].test.groups == 4
    assert compared(tmp_path, BASE, BASE + 0.02, table=table, group_column="case").pairs[0].test.groups == 6
    with pytest.raises(NusegError, match="group_column=: needs a CSV"):
        compared(tmp_path, BASE, BASE, group_column="case")
    table.write_text("name,patient\ni00,p\n")
    with pytest.raises(NusegError, match=r"clinical.csv: column 'patient' has no value for i01, i02"):
        compared(tmp_path, BASE, BASE, table=table)


def test_several_are_corrected(tmp_path: Path) -> None:
    noise = np.random.default_rng(5).normal(0.012, 0.02, 12)
    alone = compared(tmp_path, BASE, BASE + noise).pairs[0]
    found = compared(tmp_path, BASE, BASE + noise, BASE + noise[::-1])
    assert [(pair.first, pair.second) for pair in found.pairs] == [("s0", "s1"), ("s0", "s2")]
    assert found.pairs[0].test == alone.test
    assert min(pair.p for pair in found.pairs) == pytest.approx(2 * min(pair.test.p for pair in found.pairs))
    assert "corrected for 2 comparisons" in found.verdicts[0]
    every = compared(tmp_path, BASE, BASE + noise, BASE + noise[::-1], all_pairs=True)
    assert [(pair.first, pair.second) for pair in every.pairs] == [("s0", "s1"), ("s0", "s2"), ("s1", "s2")]


def test_what_rests_on_one_image_is_said(tmp_path: Path) -> None:
    gain = np.array([0.05, *[0.01] * 7, -0.012])
    pair = compared(tmp_path, BASE[:9], BASE[:9] + gain).pairs[0]
    assert pair.better == "s1"
    assert pair.without is not None
    assert pair.without[0] == "i00"
    assert pair.without[1].mean == pytest.approx(0.058 / 8)
    assert "But it rests on i00: without it the difference is +0.007 (p = 0.07)" in pair.verdict
    many = compared(tmp_path, BASE, BASE + 0.01).pairs[0]
    assert "rests on" not in many.verdict
    fewest = compared(tmp_path, BASE[:6], BASE[:6] + 0.01).pairs[0]
    assert fewest.better == "s1"
    assert "rests on" not in fewest.verdict, "any of the six is needed"


def test_images_of_one_alone_are_left_out_and_named(tmp_path: Path) -> None:
    found = nuseg.compare([write(tmp_path / "a", BASE), write(tmp_path / "b", BASE[:10])])
    assert found.pairs[0].test.images == 10
    assert "2 images of a are not in all of the others: i10, i11" in found.notes
    scores = [*BASE[:10], float("nan"), 0.5]
    found = nuseg.compare([write(tmp_path / "a", BASE), write(tmp_path / "b", scores)])
    assert found.pairs[0].test.images == 11


def test_images_that_were_trained_on_are_said(tmp_path: Path) -> None:
    seen = write(tmp_path / "b", BASE, seen=["train", *[""] * 11])
    found = nuseg.compare([write(tmp_path / "a", BASE), seen])
    assert found.warnings == ["b was trained on, or chosen by, 1 image of those compared: it scores lower on new ones"]


def test_the_files(tmp_path: Path) -> None:
    found = compared(tmp_path, BASE, BASE + 0.02, BASE - 0.01)
    page = found.save(tmp_path / "out")
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "comparison.json", "differences-1.svg", "differences-2.svg", "differences.csv", "images.csv", "index.html"
    ]  # fmt: skip
    images = pd.read_csv(tmp_path / "out" / "images.csv")
    assert list(images) == ["name", "s0", "s1", "s2"]
    assert (images["s1"] - images["s0"]).to_list() == pytest.approx([0.02] * 12)
    record = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert [pair["better"] for pair in record["pairs"]] == ["s1", "s0"]
    assert record["pairs"][0]["verdict"] == found.verdicts[0]
    differences = pd.read_csv(tmp_path / "out" / "differences.csv")
    assert differences["difference"].to_list() == pytest.approx([0.02, -0.01])
    svg = (tmp_path / "out" / "differences-1.svg").read_text()
    assert svg.startswith("<svg xmlns=")
    assert svg.count("<rect") == 12


def test_the_page_needs_nothing_and_escapes_all(tmp_path: Path) -> None:
    named = write(tmp_path / "<b>&x", BASE + 0.1)
    page = nuseg.compare([write(tmp_path / "a", BASE), named]).save(tmp_path / "out").read_text()
    assert "<b>&x" not in page
    assert "&lt;b&gt;&amp;x is better than a" in page
    assert not any(word in page for word in ("http://", "https://", "<script", "src="))


def test_names_are_short_where_they_differ() -> None:
    assert short_names(["x/a", "y/b/"]) == ["a", "b"]
    assert short_names(["x/test", "y/test", "z"]) == ["x/test", "y/test", "z"]
    assert short_names(["x/a", "x/a"]) == ["x/a (1)", "x/a (2)"]
    assert folder_names(["x/a", "x_a", "b"]) == ["1-x_a", "2-x_a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a table of scores with a column 'name'"),
        ("a,b\n1,2\n", "expected a table of scores with a column 'name'"),
        ("name,aji\nx,much\n", "aji is 'much', expected a number"),
        ("name,aji\nx,inf\n", "aji is 'inf', expected a number"),
        ("name,aji\nx,0.5\nx,0.6\n", "the image 'x' occurs twice"),
        ("name,other\nx,0.5\n", "has no scores"),
        ("name,aji\n", "has no scores"),
        ("name,aji\nx\n", "cannot be read as CSV"),
        ("name,aji\n\0,1\n", "cannot be read as CSV"),
    ],
)
def test_damaged_scores(tmp_path: Path, text: str, message: str) -> None:
    bad = write(tmp_path / "b", BASE)
    (bad / "per_image.csv").write_text(text)
    with pytest.raises(NusegError, match=message) as caught:
        nuseg.compare([write(tmp_path / "a", BASE), bad])
    assert str(bad / "per_image.csv") in str(caught.value)
    assert "score it again with nuseg evaluate" in str(caught.value)


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    good = write(tmp_path / "a", BASE)
    with pytest.raises(NusegError, match="expected two or more to compare, found 1"):
        nuseg.compare([good])
    with pytest.raises(NusegError, match=r"default: has no per_image.csv .* name the dataset: truth="):
        nuseg.compare([good, "default"])
    with pytest.raises(NusegError, match=r"score='f2': expected a score .* aji"):
        nuseg.compare([good, good], score="f2")
    with pytest.raises(NusegError, match="have no score in common"):
        nuseg.compare([good, write(tmp_path / "d", BASE, "dice")])
    table = pd.DataFrame({"name": ["x", "y"], "aji": [0.1, 0.2]})
    other = write(tmp_path / "o", BASE)
    table.to_csv(other / "per_image.csv", index=False)
    with pytest.raises(NusegError, match="have 0 images with AJI in common"):
        nuseg.compare([good, other])


def test_scores_against_other_annotations_are_refused(tmp_path: Path) -> None:
    one, other = (write(tmp_path / n, BASE, true_count=[c] * 12) for n, c in (("a", 20), ("b", 21)))
    with pytest.raises(NusegError, match=r"b: the image 'i00' has 21 true nuclei there, and 20 in .*a: score"):
        nuseg.compare([one, other])
    same = write(tmp_path / "c", BASE, true_count=[20] * 12)
    for folder, fingerprint in ((one, "1"), (same, "2")):
        (folder / "scores.json").write_text(json.dumps({"fingerprint": fingerprint}))
    with pytest.raises(NusegError, match=r"c: scored on another dataset than .*a \(the fingerprints"):
        nuseg.compare([one, same])
    (same / "scores.json").write_text("[")
    with pytest.raises(NusegError, match=r"scores.json: damaged record of scores"):
        nuseg.compare([one, same])
