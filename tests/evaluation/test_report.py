"""Tables and files of scores."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from nuseg.errors import NusegError
from nuseg.evaluation.report import (
    WHY_NO_INTERVAL,
    WHY_NO_OBJECTS,
    render_summary,
    score_image,
    summarise,
    write_scores,
)

ONE = np.array([[1, 1, 0, 2]])
TWO = np.array([[1, 0, 0, 3]])
EMPTY = np.zeros((1, 4), int)


def rows() -> list[dict[str, str | float]]:
    """Three images: one perfect, one half found, one empty and found empty."""
    pairs = {"a": (ONE, ONE), "b": (ONE, TWO), "c": (EMPTY, EMPTY)}
    return [{"name": name, **score_image(*pair)} for name, pair in pairs.items()]


def printed(summary: pd.DataFrame) -> str:
    console = Console(width=200, record=True, file=StringIO())
    console.print(render_summary(summary))
    return console.export_text()


def test_one_image_has_all_scores() -> None:
    scores = score_image(ONE, TWO)
    assert scores["dice"] == pytest.approx(4 / 5)
    assert scores["aji"] == pytest.approx(2 / 3)
    assert (scores["true_count"], scores["pred_count"], scores["matched"]) == (2, 2, 1)


def test_masks_get_scores_per_pixel_only() -> None:
    assert list(score_image(ONE, TWO, instance=False)) == ["dice", "iou", "accuracy", "precision", "recall"]
    assert score_image(ONE > 0, TWO > 0, instance=False)["dice"] == pytest.approx(4 / 5)


def test_mean_over_images_counts_every_image_the_same() -> None:
    summary = summarise(rows())
    assert summary.loc["aji", "mean"] == pytest.approx((1 + 2 / 3 + 1) / 3)
    assert summary.loc["pq", "mean"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert summary.loc["true_count", "mean"] == pytest.approx(4 / 3)
    assert (summary["images"] == 3).all()
    assert (summary["low"] <= summary["mean"]).all()
    assert (summary["mean"] <= summary["high"]).all()


def test_pooled_counts_every_nucleus_the_same() -> None:
    pooled = summarise(rows())["pooled"]
    # 3 of 4 true and 3 of 4 predicted nuclei match, each with IoU 1
    assert pooled["f1"] == pytest.approx(3 / 4)
    assert pooled["pq"] == pytest.approx(3 / 4)
    assert pooled["sq"] == pytest.approx(1)
    assert (pooled["object_precision"], pooled["object_recall"]) == pytest.approx((3 / 4, 3 / 4))
    assert (pooled["true_count"], pooled["count_error"]) == (4, 0)
    assert np.isnan(pooled["aji"])


def test_pooled_without_a_match() -> None:
    pooled = summarise([score_image(ONE, EMPTY)])["pooled"]
    assert pooled["true_count"] == 2
    assert pooled["pq"] == 0
    assert summarise([score_image(EMPTY, EMPTY)])["pooled"]["pq"] == 1


def test_a_data_frame_will_do() -> None:
    pd.testing.assert_frame_equal(summarise(pd.DataFrame(rows())), summarise(rows()))


def test_same_seed_same_summary() -> None:
    pd.testing.assert_frame_equal(summarise(rows(), seed=7), summarise(rows(), seed=7))


def test_printed_table() -> None:
    text = printed(summarise(rows()))
    assert "AJI+" in text
    assert "0.889" in text  # (1 + 2/3 + 1) / 3
    assert "3 images" in text
    assert WHY_NO_INTERVAL not in text


def test_printed_reasons() -> None:
    text = printed(summarise([score_image(ONE, TWO, instance=False)]))
    assert WHY_NO_INTERVAL in text
    assert WHY_NO_OBJECTS in text
    assert "AJI" not in text


def test_masks_among_label_images_are_said() -> None:
    text = printed(summarise([*rows(), score_image(ONE, TWO, instance=False)]))
    assert "3 of 4 images" in text


def test_files(tmp_path: Path) -> None:
    scores = write_scores(pd.DataFrame(rows()), tmp_path / "out", model="best")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["per_image.csv", "scores.json", "summary.csv"]
    per_image = pd.read_csv(tmp_path / "out" / "per_image.csv").set_index("name")
    assert per_image.loc["b", "aji"] == pytest.approx(2 / 3)
    assert per_image.loc["b", "count_error"] == 0
    summary = pd.read_csv(tmp_path / "out" / "summary.csv").set_index("score")
    record = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert (record["model"], record["images"]) == ("best", 3)
    assert scores["aji"]["mean"] == record["scores"]["aji"]["mean"] == pytest.approx(summary.loc["aji", "mean"])
    assert record["scores"]["aji"]["pooled"] is None


def test_json_of_one_image_is_valid(tmp_path: Path) -> None:
    scores = write_scores(pd.DataFrame(rows()[:1]), tmp_path)
    assert scores["dice"]["low"] is None
    text = (tmp_path / "scores.json").read_text()
    assert "NaN" not in text
    assert json.loads(text)["scores"]["dice"]["low"] is None
    assert json.loads(text)["notes"] == [WHY_NO_INTERVAL]


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(NusegError, match="out"):
        write_scores(pd.DataFrame(rows()), tmp_path / "out")


def test_scoring_needs_no_torch() -> None:
    code = "import sys, nuseg.evaluation as e; assert 'torch' not in sys.modules; print(e.score_image.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "score_image", done.stderr
