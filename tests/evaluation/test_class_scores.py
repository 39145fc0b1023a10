"""Scores of classes: by hand, against HoVer-Net's equation written out, and as files of an evaluation."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from nuseg.annotations.tables import Points
from nuseg.evaluation.class_table import cells_of, class_table, of_all_nuclei, render_classes
from nuseg.evaluation.classes import (
    COUNTS,
    NOTHING,
    Confusion,
    class_counts,
    class_scores,
    confuse,
    mean_matched_f1,
    multi_class_quality,
    rates_of_class,
)
from nuseg.evaluation.contingency import find_overlaps
from nuseg.evaluation.detection import detection_scores
from nuseg.evaluation.report import summarise

NAME = st.sampled_from(["a", "b", "c", None])


def points(*named: tuple[float, str | None]) -> Points:
    return Points(np.array([[x, 5.0] for x, _ in named]).reshape(-1, 2), tuple(name for _, name in named))


def test_pairs_by_hand():
    true = points((0, "a"), (10, "a"), (20, "b"), (30, None), (40, "b"))
    pred = points((1, "a"), (11, "b"), (20, "b"), (31, "a"), (60, "a"))
    found = confuse(true, pred, radius=3)
    expected = pd.DataFrame([[1, 1, 0], [0, 1, 1], [1, 0, 0]], ["a", "b", NOTHING], ["a", "b", NOTHING])
    pd.testing.assert_frame_equal(found.table, expected, check_names=False)
    assert found.accuracy == pytest.approx(2 / 3)
    scores = class_scores(found)
    assert scores["matched_class_f1:a"] == pytest.approx(2 / 3)
    # a: one right, one of its nuclei said to be b, one predicted where nothing is.
    assert scores["hovernet_f1:a"] == pytest.approx(2 / (2 + 2 * 0 + 2 * 1 + 1 + 0))
    assert scores["hovernet_f1:b"] == pytest.approx(2 / (2 + 2 * 1 + 2 * 0 + 0 + 1))
    assert mean_matched_f1(found) == pytest.approx(2 / 3)


def test_ignored_areas_count_nothing():
    ignore = np.zeros((10, 80), bool)
    ignore[:, 35:] = True
    true, pred = points((0, "a"), (40, "b")), points((1, "a"), (41, "a"), (70, "b"))
    assert confuse(true, pred, 3, ignore).counts.sum() == 1


def test_without_classes_there_is_nothing_to_say():
    assert confuse(points((0, None)), points((0, "a")), 3) is None
    assert confuse(points((0, "a")), points((0, None)), 3) is None
    assert Confusion.together([]) is None
    assert np.isnan(mean_matched_f1(None))


def hovernet(pairs: list[tuple[str, str]], missed: list[str], false: list[str], name: str) -> float:
    """Fc of a class: 2 (TPc + TNc) / (2 (TPc + TNc) + 2 FPc + 2 FNc + FPd + FNd), over pairs that concern it."""
    own = [pair for pair in pairs if name in pair]
    right = sum(true == pred == name for true, pred in own)
    neither = sum(name not in pair for pair in own)
    wrong = sum(true != name and pred == name for true, pred in own)
    other = sum(true == name and pred != name for true, pred in own)
    good = 2 * (right + neither)
    whole = good + 2 * wrong + 2 * other + false.count(name) + missed.count(name)
    return good / whole if whole else float("nan")


PAIRS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=12)


@given(PAIRS, st.lists(st.sampled_from("abc"), max_size=5), st.lists(st.sampled_from("abc"), max_size=5))
def test_hovernets_equation(pairs: list[tuple[str, str]], missed: list[str], false: list[str]):
    places = [100.0 * number for number in range(len(pairs) + len(missed) + len(false))]
    both, alone, more = np.split(np.array(places), [len(pairs), len(pairs) + len(missed)])
    true = points(*((x, t) for x, (t, _) in zip(both, pairs, strict=True)), *zip(alone, missed, strict=True))
    pred = points(*((x + 1, p) for x, (_, p) in zip(both, pairs, strict=True)), *zip(more, false, strict=True))
    found = confuse(true, pred, 3)
    scores = class_scores(found)
    for name in found.classes:
        np.testing.assert_equal(scores[f"hovernet_f1:{name}"], hovernet(pairs, missed, false, name))
    assert sum(class_counts(found)[f"class_right:{n}"] for n in found.classes) == sum(t == p for t, p in pairs)


@given(st.lists(st.tuples(NAME, NAME), min_size=1, max_size=8), st.integers(1, 7))
def test_pooled_scores_are_those_of_all_images_as_one(named: list[tuple[str | None, str | None]], cut: int):
    def image(part: list[tuple[str | None, str | None]], start: int) -> tuple[Points, Points]:
        places = [50.0 * (start + number) for number in range(len(part))]
        return tuple(points(*zip(places, side, strict=True)) for side in zip(*part, strict=True))

    parts = [part for part in (named[:cut], named[cut:]) if part]
    found = [confuse(*image(part, 0), 3) for part in parts]
    whole = confuse(*image(named, 0), 3)
    if whole is None or any(one is None for one in found):
        return
    together = Confusion.together(found)
    order = [together.classes.index(name) for name in whole.classes] + [len(together.classes)]
    assert set(together.classes) == set(whole.classes)
    np.testing.assert_array_equal(together.counts[np.ix_(order, order)], whole.counts)
    pooled = summarise([{"name": str(n), **class_scores(one)} for n, one in enumerate(found)])["pooled"]
    for score, value in class_scores(whole).items():
        if score.partition(":")[0] not in COUNTS:
            np.testing.assert_allclose(pooled[score], value)


def test_multi_class_quality_by_hand():
    true = np.zeros((12, 40), np.int32)
    pred = np.zeros((12, 40), np.int32)
    for number, x in enumerate((0, 10, 20, 30), 1):
        true[:10, x : x + 8] = number
        pred[: 10 if number < 4 else 8, x : x + 8] = number
    overlaps = find_overlaps(true, pred)
    scores = multi_class_quality(overlaps, ("a", "a", "b", None), ("a", "b", "b", "a"))
    assert scores["class_pq:a"] == pytest.approx(1 / (1 + 1 / 2))  # one right, one missed; the last is not known
    assert scores["class_pq:b"] == pytest.approx(1 / (1 + 1 / 2))
    assert scores["mpq"] == pytest.approx(2 / 3)
    last = multi_class_quality(overlaps, (None, None, None, "c"), ("a", "a", "a", "c"))
    assert last["class_pq:c"] == pytest.approx(0.8)
    assert last["mpq"] == pytest.approx(0.8)


def test_a_class_that_nobody_annotated_is_no_part_of_mpq():
    rows = [
        {
            "name": "one",
            "mpq": 0.8,
            "true_count:a": 4,
            "class_matched:a": 4,
            "class_iou:a": 3.2,
            "class_unmatched:a": 0,
        },
        {"name": "two", "mpq": 0.8, "true_count:b": 0, "class_matched:b": 0, "class_iou:b": 0, "class_unmatched:b": 3},
    ]
    pooled = summarise(rows)["pooled"]
    assert pooled["mpq"] == pytest.approx(0.8)


def test_the_table_of_classes_has_what_is_pooled():
    rows = [
        {"name": "one", "dice": 0.5} | detection_scores(points((0, "a"), (9, "b")), points((1, "a"), (50, "b")), 3),
        {"name": "two", "dice": 0.7} | detection_scores(points((0, "a"), (9, "a")), points((1, "a"), (9, "b")), 3),
    ]
    table = class_table(summarise(rows))
    assert list(table.index) == ["a", "b"]
    assert list(table) == ["true_count", "pred_count", "detection_recall", "class_f1"]
    assert table.loc["a"].tolist() == [3, 2, 1, pytest.approx(4 / 5)]
    assert table.loc["b"].tolist() == [1, 2, 0, 0]
    assert cells_of(table.loc["a"]) == ["3", "2", "1.000", "0.800"]
    assert not [score for score in of_all_nuclei(summarise(rows)).index if ":" in score]
    assert not len(class_table(summarise([{"name": "one", "dice": 0.5}])))


def test_both_tables_fit_a_terminal_and_say_every_name():
    counts = {"true_count": 12345, "detection_recall": 0.5, "class_f1": 0.5, "pred_count": 12345}
    counts |= {"matched_class_f1": 0.5, "hovernet_f1": 0.5, "class_pq": 0.5}
    index = [f"{score}:{name}" for name in ("stroma", "[b]x") for score in counts]
    values = {key: [*counts.values()] * 2 for key in ("mean", "low", "high", "pooled")}
    summary = pd.DataFrame({**values, "images": 3}, pd.Index(index, name="score"))
    console = Console(width=80, file=io.StringIO(), highlight=False)
    console.print(render_classes(class_table(summary)))
    text = console.file.getvalue()
    assert "stroma" in text
    assert "[b]x" in text
    assert "class F1" in text
    assert "…" not in text


def test_rates_of_nothing_are_not_defined():
    assert all(np.isnan(value) for value in rates_of_class(dict.fromkeys(COUNTS, 0.0)).values())


def test_an_evaluation_writes_the_confusion(tmp_path: Path):
    from class_model import CLASSES, picture, save_class_model
    from nuseg.datasets.prepare import prepare
    from nuseg.datasets.settings import PrepareSettings
    from nuseg.evaluation.dataset import evaluate_dataset
    from nuseg.io.image import write_png
    from nuseg.segmentation.segmenter import segment

    model = save_class_model(tmp_path / "model")
    source = tmp_path / "source"
    for name in ("one", "two"):
        write_png(source / "images" / f"{name}.png", picture())
    found = segment(picture(), 0.25, model=model.path)
    for name in ("one", "two"):  # the truth is what the model finds, but one nucleus of the second is of another class
        found.save(source, ["geojson"], name)
        path = source / "geojson" / f"{name}.geojson"
        content = json.loads(path.read_text())
        if name == "two":
            content["features"][0]["properties"]["classification"]["name"] = CLASSES[0]
        (source / "labels").mkdir(exist_ok=True)
        (source / "labels" / path.name).write_text(json.dumps(content))
    settings = PrepareSettings(labels="labels", mpp=0.25, split=(0, 0, 1))
    prepare(source, tmp_path / "data", settings)
    scored = evaluate_dataset(tmp_path / "data", model=model.path)
    pooled = scored.summary["pooled"]
    assert pooled["class_accuracy"] == pytest.approx(11 / 12)
    assert pooled["matched_class_f1:other"] == pytest.approx(14 / 15)
    assert pooled["mpq"] == pytest.approx(np.mean([4 / (4 + 1 / 2), 7 / (7 + 1 / 2)]))
    scored.save(tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "confusion.csv", index_col="true")
    assert table.loc[CLASSES[0]].to_dict() == {CLASSES[0]: 4, "other": 1, NOTHING: 0}
    picture_text = (tmp_path / "out" / "confusion.svg").read_text()
    assert f"{CLASSES[0]} as other: 1 nucleus, 20.0%" in picture_text
    assert "<h2>Classes</h2>" in (tmp_path / "out" / "index.html").read_text()
    # The same nuclei as a folder of another tool's results.
    other = evaluate_dataset(tmp_path / "data", source / "geojson")
    pd.testing.assert_series_equal(other.summary["pooled"].filter(like="class"), pooled.filter(like="class"))
    confusion = json.loads((tmp_path / "out" / "scores.json").read_text())["confusion"]
    assert confusion["other"]["other"] == 7
