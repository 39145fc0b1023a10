"""Which nuclei are unlike the examples, and what is said of images that have many."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import nuseg
from marked import NAMES, two_kinds, write_marks
from nuseg.classification.classifier import Classifier, Learning
from nuseg.classification.files import ImageResult
from nuseg.classification.findings import Finding, findings_of, gathered
from nuseg.classification.likeness import FARTHEST, UNLIKE, Reach, reach_of
from nuseg.io.image import write_png
from nuseg.results.records import Record
from nuseg.results.summary import Row
from nuseg.segmentation.folder import segment_folder

LEARNING = Learning(examples={}, files={}, results={}, model=["one"], mpp=[0.25, 0.5], seed=0, versions={}, warnings=[])


def test_distances_by_hand() -> None:
    reach = Reach(middle=[1.0, 10.0], spread=[1.0, 5.0], limit=2.0)
    values = np.array([[1, 10], [4, 10], [1, 25], [100, 10], [-100, -100]], np.float32)
    np.testing.assert_allclose(reach.distances(values), np.sqrt([0, 4.5, 4.5, 8, FARTHEST**2]))
    assert reach.unlike(values) == pytest.approx(0.8)
    assert reach.unlike(values[:0]) == 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(6, 60), st.sampled_from([1e-3, 1.0, 1e5]), st.floats(-10, 10))
def test_scale_and_origin_of_features_do_not_matter(seed: int, count: int, scale: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    own, others = rng.normal(size=(count, 5)), rng.normal(1, 2, (50, 5))
    one = reach_of(own).unlike(others)
    assert reach_of((own + shift) * scale).unlike((others + shift) * scale) == pytest.approx(one, abs=0.041)
    assert reach_of(own).unlike(own) <= 0.025 + 1 / count
    assert reach_of(own).unlike(own + 50) == 1


def test_features_that_all_examples_share_are_no_reason_to_fail() -> None:
    reach = reach_of(np.zeros((6, 3), np.float32))
    assert reach.unlike(np.zeros((4, 3))) == 0
    assert reach.unlike(np.ones((4, 3))) == 1


@pytest.mark.parametrize("damage", [{"limit": 0}, {"spread": [0.0]}, {"middle": [float("nan")]}, {"limit": "far"}])
def test_damaged_reach_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Reach.model_validate({"middle": [0.0], "spread": [1.0], "limit": 1.0, **damage}, strict=True)


def result(**row: object) -> ImageResult:
    held = Row("a", "a.png", width=10, height=10, mpp=0.25, model="one", nuclei=3)
    return ImageResult(Path("results"), Record(replace(held, **row)))


@pytest.mark.parametrize(
    ("row", "unlike", "words"),
    [
        ({}, UNLIKE - 0.01, []),
        ({"mpp": 0.6}, 0.0, []),
        ({}, UNLIKE, ["unlike the examples"]),
        ({"model": "two"}, 0.0, ["another model"]),
        ({"mpp": 1.0}, 0.0, ["another resolution"]),
        ({"mpp": 0.1, "model": "two"}, 1.0, ["unlike", "another model", "another resolution"]),
    ],
)
def test_what_is_found_of_an_image(row: dict[str, object], unlike: float, words: list[str]) -> None:
    found = findings_of(LEARNING, result(**row), unlike)
    assert len(found) == len(words)
    assert all(word in one.what for word, one in zip(words, found, strict=True))


def test_many_images_are_said_in_one_line() -> None:
    found = [Finding(f"i{number}", "pale", f"{number} %", "look") for number in range(9)]
    assert gathered(found[:1]) == ["i0: classes: pale (0 %): look"]
    assert gathered([*found, Finding("x", "dark", "1", "look")]) == [
        "9 images: classes: pale (i0: 0 %; i1: 1 %; i2: 2 %; ...): look",
        "x: classes: dark (1): look",
    ]


def test_another_stain_is_said_wherever_the_result_is_read(case: Path, tmp_path: Path) -> None:
    """The same nuclei on green: the classifier tells classes, and says that it knows no such image."""
    for seed, name in enumerate(NAMES):
        pixels = two_kinds(seed)[0]
        write_png(tmp_path / "images" / f"{name}.png", pixels if name == "a" else pixels[..., [1, 0, 2]])
    segment_folder(
        tmp_path / "images", tmp_path / "results", ["csv", "geojson", "summary"], mpp=0.25, model=case / "model"
    )
    learned = nuseg.classify(case / "results", tmp_path / "one", examples=write_marks(tmp_path / "marked"))
    assert not learned.findings
    found = nuseg.classify(tmp_path / "results", tmp_path / "out", classifier=learned.classifier)
    unlike = {one.image for one in found.findings}
    assert unlike == {"b", "c"}
    assert any("unlike the examples" in note for note in found.notes)
    warnings = pd.read_csv(tmp_path / "out" / "summary.csv").set_index("name")["warning"]
    assert all(("unlike the examples" in str(warnings[name])) == (name in unlike) for name in warnings.index)
    page = (tmp_path / "out" / "report.html").read_text()
    assert '<span class="level warning">classes</span>' in page
    looks = pd.read_csv(tmp_path / "out" / "report.csv").set_index("name")["look_at"]
    assert all(("classes: nuclei unlike" in str(looks[name])) == (name in unlike) for name in looks.index)
    kept = Classifier.load(tmp_path / "out" / "classifier.json")
    assert kept.content.reach == learned.classifier.content.reach
