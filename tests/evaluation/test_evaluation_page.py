"""The page of an evaluation, its numbers, and what a table of images adds."""

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nuseg
from annotated import write_source
from dark_model import save_dark_model
from nuseg.datasets.prepare import PrepareSettings, prepare
from nuseg.errors import NusegError
from nuseg.evaluation.details import Stated
from nuseg.evaluation.evaluated import Evaluation
from nuseg.evaluation.image_table import read_image_table
from nuseg.evaluation.statistics import bootstrap_ci
from nuseg.evaluation.views import count_agreement, probabilities
from nuseg.io.image import write_png
from nuseg.report.chart import Axis, Chart

NAMES = [f"p{patient}_{image}" for patient in range(3) for image in range(2)]


class Page(HTMLParser):
    """Headings, and addresses that are not inside the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.outside: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._open = [tag]
        for name, value in attributes:
            if name in ("src", "href") and not (value or "").startswith(("data:", "#")):
                self.outside.append(str(value))

    def handle_data(self, text: str) -> None:
        if self._open == ["h2"]:
            self.headings.append(text)
        self._open = []


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_source(folder / "in", NAMES)
    settings = PrepareSettings(mpp=0.5, group=r"^(p\d)", split=(0, 0, 1))
    return prepare(folder / "in", folder / "dataset", settings).dataset.root


@pytest.fixture(scope="module")
def predictions(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The truth, of which `p1_0` lacks a nucleus, `p1_1` has two in one, and `p2_0` one too many."""
    folder = tmp_path_factory.mktemp("predictions")
    for name in NAMES:
        labels = read_labels(dataset / "labels" / f"{name}.png")
        if name == "p1_0":
            labels[labels == 2] = 0
        if name == "p1_1":
            labels[5:28, 5:38] = 1
        if name == "p2_0":
            labels[40:46, 46:52] = 9
        write_png(folder / f"{name}.png", labels.astype(np.uint16))
    return folder


def read_labels(path: Path) -> np.ndarray:
    from nuseg.annotations.raster import read_raw

    return read_raw(path).astype(np.int32)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "clinical.csv"
    organs = ["liver", "liver", "<i>lung</i>", "<i>lung</i>", "liver", ""]
    rows = zip(NAMES, organs, range(6), ["x"] * 6, strict=True)
    path.write_text("name,organ,age,scanner\n" + "".join(f"{n}.png,{o},{a},{s}\n" for n, o, a, s in rows))
    return path


@pytest.fixture(scope="module")
def found(dataset: Path, predictions: Path, table: Path) -> Evaluation:
    return nuseg.evaluate_dataset(dataset, predictions, table=table)


def test_intervals_are_over_the_patients_of_the_dataset(found: Evaluation) -> None:
    scores = found.table
    assert scores["group"].to_list() == ["p0", "p0", "p1", "p1", "p2", "p2"]
    expected = bootstrap_ci(scores["aji"].to_numpy(), groups=scores["group"].to_list())
    assert found.summary.loc["aji", ["mean", "low", "high"]].to_list() == pytest.approx(list(expected))


def test_errors_are_told_apart(found: Evaluation) -> None:
    kinds = found.errors_by_kind().set_index("kind")
    assert kinds["errors"].to_dict() == {"missed": 1, "false": 1, "merged": 1, "split": 0, "outline": 0}
    assert kinds["most"].to_dict() == {"missed": "p1_0", "false": "p2_0", "merged": "p1_1", "split": "", "outline": ""}
    assert found.f1_by_iou()["mean"].iloc[0] == pytest.approx(found.summary.loc["f1", "mean"])
    assert found.f1_by_iou()["pooled"].iloc[0] == pytest.approx(found.summary.loc["f1", "pooled"])


def test_scores_by_the_columns_of_the_table(found: Evaluation) -> None:
    by = found.by_column()
    assert by["column"].unique().tolist() == ["organ", "group"], "age has a value for each image, scanner one for all"
    aji = by[by["score"] == "aji"].set_index("value")["mean"]
    scores = found.table.set_index("name")["aji"]
    assert aji["liver"] == pytest.approx(scores[["p0_0", "p0_1", "p2_0"]].mean())
    assert aji["not stated"] == scores["p2_1"]
    assert aji["p1"] == pytest.approx(scores[["p1_0", "p1_1"]].mean())


def test_the_page_has_all_and_needs_nothing(found: Evaluation, tmp_path: Path) -> None:
    path = found.save(tmp_path / "out")
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.headings == [
        "Scores", "AJI by group", "Errors by kind", "Outlines and sizes", "Counts", "The worst images",
        "Image by image",
    ]  # fmt: skip
    assert not page.outside
    assert "&lt;i&gt;lung&lt;/i&gt;" in text
    assert "<i>" not in text
    assert text.count("data:image/jpeg") == 3 + 3, "one of each error, and the worst images"
    assert "6 images of 3 groups (patients, slides): intervals draw whole groups" in text
    record = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert [row["errors"] for row in record["errors_by_kind"]] == [1, 1, 1, 0, 0]
    assert len(record["f1_by_iou"]) == 10
    assert record["count_agreement"]["images"] == 6
    assert any("intervals draw whole groups" in note for note in record["notes"])
    assert list(pd.read_csv(tmp_path / "out" / "per_image.csv"))[:3] == ["name", "group", "organ"]
    assert pd.read_csv(tmp_path / "out" / "by_column.csv")["column"].unique().tolist() == ["organ", "group"]


def test_a_model_has_probabilities(dataset: Path, tmp_path: Path) -> None:
    model = save_dark_model(tmp_path / "model").path
    found = nuseg.evaluate_dataset(dataset, model=model, threads=1)
    stated = list(found.scores.stated.values())
    assert sum(one.probability.size for one in stated) == found.table["pred_count"].sum()
    assert sum(one.true.sum() for one in stated) == found.table["matched"].sum()
    assert "Probabilities" in Page(found.save(tmp_path / "out").read_text()).headings
    assert json.loads((tmp_path / "out" / "scores.json").read_text())["reliability"]["bins"]


def test_what_is_not_scored_has_no_part(dataset: Path, predictions: Path, tmp_path: Path) -> None:
    """Masks have no nuclei, one image no agreement: the page is made all the same."""
    truth = tmp_path / "truth"
    pixels = (read_labels(dataset / "labels" / "p0_0.png") > 0).astype(np.uint8) * 255
    write_png(truth / "p0_0.png", pixels)
    found = nuseg.evaluate_dataset(truth, predictions)
    assert found.main == "dice"
    page = Page(found.save(tmp_path / "out").read_text())
    assert page.headings == ["Scores", "Image by image"]


def test_ignored_areas_are_listed(dataset: Path, predictions: Path, tmp_path: Path) -> None:
    found = nuseg.evaluate_dataset(dataset, predictions)
    found.scores.ignored.update({"p0_0": 0.25})
    text = found.save(tmp_path / "out").read_text()
    assert "Areas left out" in Page(text).headings
    assert "In 1 image it is not known of some areas what is there" in text
    assert "4.2% of all pixels" in text


def test_agreement_by_hand() -> None:
    table = pd.DataFrame({"name": list("abc"), "true_count": [10, 20, 30], "pred_count": [12, 20, 34]})
    agreement = count_agreement(table)
    assert agreement is not None
    assert (agreement.bias, agreement.share) == (2, 0.1)
    assert (agreement.low, agreement.high) == pytest.approx((2 - 1.96 * 2, 2 + 1.96 * 2))
    assert count_agreement(table.head(1)) is None
    assert count_agreement(table[["name"]]) is None


def test_probabilities_by_hand() -> None:
    stated = {"a": Stated(np.array([0.9, 0.95]), np.array([True, False])), "b": Stated(np.zeros(0), np.zeros(0, bool))}
    reliability = probabilities(stated)
    assert reliability is not None
    assert reliability.error == pytest.approx(0.925 - 0.5)
    assert probabilities({}) is None


def test_tables_that_do_not_fit(table: Path, tmp_path: Path) -> None:
    with pytest.raises(NusegError, match="by=: needs a CSV"):
        read_image_table(None, NAMES, by=["organ"])
    with pytest.raises(NusegError, match=r"clinical.csv: has no column 'stain'; its columns are organ, age, scanner"):
        read_image_table(table, NAMES, by=["stain"])
    with pytest.raises(NusegError, match="has no column 'stain'"):
        read_image_table(table, NAMES, group_column="stain")
    with pytest.raises(NusegError, match="column 'organ' has no value for p2_1"):
        read_image_table(table, NAMES, group_column="organ")
    (tmp_path / "t.csv").write_text("name,aji\na,1\n")
    with pytest.raises(NusegError, match="column 'aji' is called like a column of scores; rename it"):
        read_image_table(tmp_path / "t.csv", ["a"], by=["aji"])
    assert not read_image_table(tmp_path / "t.csv", ["a"]).columns


def test_named_columns_are_taken_whatever_they_hold(table: Path) -> None:
    known = read_image_table(table, NAMES, by=["age", "scanner"])
    assert known.columns["age"] == dict(zip(NAMES, map(str, range(6)), strict=True))
    assert list(known.columns) == ["age", "scanner"]
    assert known.groups is None


def test_a_chart_has_its_marks_where_its_axes_say() -> None:
    chart = Chart(Axis("x", 0, 10), Axis("y", 0, 1))
    assert chart.across(0) == chart.left
    assert chart.across(10) == chart.width - chart.right
    assert chart.up(1) == chart.TOP
    assert chart.up(0) == chart.height - chart.BOTTOM
    assert Axis("x", 0, 10).ticks() == [0, 2, 4, 6, 8, 10]
    assert Axis("x", -0.04, 0.05).ticks() == pytest.approx([-0.04, -0.02, 0, 0.02, 0.04])
    assert not Axis("x", 0, 1, numbered=False).ticks()
    around = Axis.around("x", [3.0, 3.0, float("nan")])
    assert around.low < 3 < around.high
    assert '">−0<' not in chart.svg()
    assert "NaN" not in chart.whisker((float("nan"), 1), (0, 0))
