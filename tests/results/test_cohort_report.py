"""The report on a folder of results: numbers by hand, planted outliers, bounds, other processes, hostile names."""

import json
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nuseg
from dark_model import save_dark_model
from nuseg.errors import NusegError
from nuseg.io.image import write_png
from nuseg.results.clinical import read_clinical
from nuseg.results.cohort import page, report
from nuseg.results.cohort.gather import Entry, read_cohort
from nuseg.results.cohort.groups import group_row, mean_interval
from nuseg.results.cohort.looks import find_looks
from nuseg.results.cohort.report import write_report
from nuseg.results.facts import Facts, local_densities, read_facts, read_picture, size_quantiles
from nuseg.results.records import MARKER, Record, Records
from nuseg.results.statistics import SIZES, size_bins
from nuseg.results.summary import Row

VOID = {"meta", "link", "img", "input", "br", "line", "rect", "circle"}


class Tags(HTMLParser):
    """Checks that tags are closed in order, and collects the texts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script", "the page has no script, so one would be foreign"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def text_of(path: Path) -> str:
    tags = Tags()
    tags.feed(path.read_text(encoding="utf-8"))
    assert tags.open == []
    return " ".join(tags.texts)


def row(name: str, nuclei: int = 10, area: float = 0.1, **more: object) -> Row:
    return Row(
        name, f"/images/{name}.png", nuclei=nuclei, area_mm2=area, nuclei_per_mm2=nuclei / area if area else None,
        mpp=0.25, settings="s", density_area="image", **more,
    )  # fmt: skip


def folder_of(folder: Path, *rows: Row) -> Path:
    """A results folder with these records and nothing else."""
    records = Records(folder)
    records.begin()
    for one in rows:
        records.keep(Record(one))
    records.write_summary()
    return folder


def field(seed: int, blur: float = 0.0, fade: float = 1.0, tint: tuple[float, float, float] = (1, 1, 1)) -> np.ndarray:
    """Pink tissue with dark nuclei and fine texture, `(128, 128, 3)` uint8."""
    rng = np.random.default_rng(seed)
    density = np.array([0.13, 0.32, 0.18]) * tint + rng.normal(0, 0.02, (128, 128, 1))
    for x, y in rng.integers(8, 112, (12, 2)):
        density[y : y + 9, x : x + 9] = np.array([0.75, 0.85, 0.5]) * tint
    pixels = 255 * 10 ** (-fade * density)
    pixels = np.clip(pixels + rng.normal(0, 1.5, pixels.shape), 0, 255)
    return cv2.GaussianBlur(pixels, (0, 0), blur).astype(np.uint8) if blur else pixels.astype(np.uint8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_dark_model(tmp_path_factory.mktemp("model") / "dark").path


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    """Results of eight good fields, of a soft, a faint and a fluorescent one, of an empty one, and of a broken file."""
    folder = tmp_path_factory.mktemp("cohort")
    for number in range(8):
        write_png(folder / "in" / f"good{number}.png", field(number))
    write_png(folder / "in" / "soft.png", field(8, blur=2.5))
    write_png(folder / "in" / "red.png", field(9, tint=(0.3, 1, 1.6)))
    write_png(folder / "in" / "dark.png", (255 - field(10)) // 6)
    write_png(folder / "in" / "glass.png", np.full((128, 128, 3), 250, np.uint8))
    (folder / "in" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (folder / "clinical.csv").write_text(
        "name,Patient,group,age\n"
        + "".join(f"good{number},p{number // 2},{'ab'[number // 4]},{50 + number}\n" for number in range(8))
        + "soft.png,p9,b,70\nmissing,p10,b,71\n",
        encoding="utf-8",
    )
    nuseg.segment_folder(folder / "in", folder / "out", ["csv"], mpp=0.25, model=model, table=folder / "clinical.csv")
    return folder


def test_segmenting_writes_the_page_and_the_tables_agree(cohort: Path) -> None:
    table = pd.read_csv(cohort / "out" / "report.csv").set_index("name")
    summary = pd.read_csv(cohort / "out" / "summary.csv").set_index("name")
    good = summary[summary["error"].isna()]
    assert table.loc[good.index, "nuclei"].tolist() == good["nuclei"].tolist()
    assert table.loc["good3", ["patient", "group"]].tolist() == ["p1", "a"]
    assert summary.loc["good3", ["patient", "group"]].tolist() == ["p1", "a"], "it travels through the summary"
    sizes = pd.read_csv(cohort / "out" / "csv" / "good3.csv")["area_um2"]
    assert table.loc["good3", "area_um2_p50"] == pytest.approx(sizes.median(), abs=1)
    text = text_of(cohort / "out" / "report.html")
    assert f"{good['nuclei'].sum():,.0f}" in text
    groups = pd.read_csv(cohort / "out" / "report_groups.csv").set_index("group")
    by_group = good.groupby("group")
    assert groups.loc["a", "nuclei"] == by_group["nuclei"].sum()["a"]
    assert groups.loc[["a", "b"], "patients"].tolist() == [2, 3]
    pooled = good[good["group"] == "a"].groupby("patient")[["nuclei", "area_mm2"]].sum()
    assert groups.loc["a", "mean_per_mm2"] == pytest.approx((pooled["nuclei"] / pooled["area_mm2"]).mean(), rel=1e-3)


def test_what_is_odd_is_to_be_looked_at_and_the_rest_is_not(cohort: Path) -> None:
    table = pd.read_csv(cohort / "out" / "report.csv").set_index("name")
    flagged = table["look_at"].dropna()
    assert {name: why.split(":")[0] for name, why in flagged.items() if name != "glass"} == {
        "soft": "focus",
        "red": "stain",
        "dark": "colours",
    }
    assert "no tissue" in flagged["glass"]
    assert "no nucleus was found" in flagged["glass"]


def test_what_was_excluded_and_why(cohort: Path) -> None:
    table = pd.read_csv(cohort / "out" / "report.csv").set_index("name")
    assert set(table["excluded"].dropna().index) == {"broken", "missing"}
    assert "broken.png" in table.loc["broken", "excluded"]
    text = text_of(cohort / "out" / "report.html")
    assert "Excluded, and why" in text
    assert "in the table, but there is no result of it" in text


def test_the_page_needs_nothing_else(cohort: Path) -> None:
    html = (cohort / "out" / "report.html").read_text(encoding="utf-8")
    assert "http" not in html
    assert "src=" in html
    assert html.count('src="data:image/jpeg;base64,') == html.count("src=")
    assert "@page { size: A4" in html


def test_another_column_to_compare_by(cohort: Path, tmp_path: Path) -> None:
    written = write_report(cohort / "out", tmp_path, cohort / "clinical.csv", by="age")
    groups = pd.read_csv(written.groups)
    assert groups["group"].dropna().tolist() == [*range(50, 58), 70]
    assert "By age" in text_of(written.page)
    assert (pd.read_csv(written.table)["age"].dropna() >= 50).all()
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "report.csv", "report_groups.csv"}


def test_a_changed_table_reaches_results_that_are_done(cohort: Path, tmp_path: Path, model: Path) -> None:
    table = tmp_path / "t.csv"
    inputs = cohort / "in" / "good0.png"
    out = tmp_path / "out"
    nuseg.segment_folder(inputs, out, ["csv"], mpp=0.25, model=model)
    assert read_cohort(out).entries[0].row.patient == ""
    table.write_text("slide,patient\ngood0,x\n", encoding="utf-8")
    done = nuseg.segment_folder(inputs, out, ["csv"], mpp=0.25, model=model, table=table)
    assert done.skipped == 1
    assert pd.read_csv(out / "summary.csv")["patient"].tolist() == ["x"]
    assert "patients" in text_of(out / "report.html")


def test_no_report_and_no_pictures_on_request(cohort: Path, tmp_path: Path, model: Path) -> None:
    done = nuseg.segment_folder(cohort / "in" / "good0.png", tmp_path, ["csv"], mpp=0.25, model=model, report=False)
    assert done.report is None
    assert {path.name for path in tmp_path.iterdir()} == {"csv", "summary.csv", MARKER}
    assert list(tmp_path.rglob("*.jpg")) == []
    later = write_report(tmp_path)
    assert "good0" in text_of(later.page), "facts are kept, so that a report can be made later"
    assert read_facts(tmp_path / MARKER, "good0") is not None


def test_pictures_are_small(cohort: Path) -> None:
    for what, side in (("small", 160), ("close", 384)):
        content = read_picture(cohort / "out" / MARKER, "good0", what)
        assert content is not None
        assert max(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR).shape) <= side
        assert len(content) < 60_000


def test_results_of_an_older_version(tmp_path: Path) -> None:
    """A summary and tables without records: sizes are read from the tables."""
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "a.csv").write_text("id,area_um2\n1,20.5\n2,30.5\n3,nan\n", encoding="utf-8")
    (tmp_path / "summary.csv").write_text(
        "name,image,nuclei,area_mm2,nuclei_per_mm2,model,settings,error\na,/a.png,2,0.1,20,default,x,\n"
        "b,/b.png,,,,,,gone\n",
        encoding="utf-8",
    )
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    written = write_report(tmp_path)
    assert (written.images, written.excluded) == (1, 1)
    assert pd.read_csv(written.table)["area_um2_p50"][0] == pytest.approx(21, abs=0.5)
    assert all(path.read_bytes() == content for path, content in before.items())


def test_the_page_is_bounded_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IMAGES", "CLOSER", "LOOKS", "EXCLUDED", "GROUPS"):
        monkeypatch.setattr(page, name, 3)
    rows = [row(f"image{number:02d}", group=f"g{number}", damaged_tiles=1) for number in range(9)]
    failed = [Row(f"bad{number}", f"/bad{number}.png", error="damaged") for number in range(5)]
    text = text_of(write_report(folder_of(tmp_path, *rows, *failed)).page)
    for said in ("first 3 of 9 images", "first 3 of 9 notes", "first 3 of 9 groups", "first 3 of 5 images"):
        assert said in text
    assert "image02" in text
    assert "image03" not in text
    assert len(pd.read_csv(tmp_path / "report.csv")) == 14


def test_results_that_come_while_it_is_written_are_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of(tmp_path, row("one"))
    render, calls = report.render_cohort, []

    def slow(shown: page.Shown) -> str:
        if not calls:
            Records(tmp_path).keep(Record(row("two")))  # another process
        calls.append(1)
        return render(shown)

    monkeypatch.setattr(report, "render_cohort", slow)
    write_report(tmp_path)
    assert len(calls) == 2
    assert pd.read_csv(tmp_path / "report.csv")["name"].tolist() == ["one", "two"]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a&b \"'", "x" * 300, "名前", "=1+1"])
def test_hostile_names_and_groups(tmp_path: Path, name: str) -> None:
    folder_of(tmp_path, row("one", patient=name, group=name), row("two", patient="p", warning=name))
    text = text_of(write_report(tmp_path).page)
    assert name[:20] in text
    assert pd.read_csv(tmp_path / "report.csv")["patient"].tolist() == [name, "p"]


@pytest.mark.parametrize("damage", ["{", '{"sizes": [-1]}', '{"sizes": "x"}', "[" * 500, '{"stain": [NaN]}', ""])
def test_damaged_facts_are_none(tmp_path: Path, damage: str) -> None:
    folder_of(tmp_path, row("one"), row("two"))
    (tmp_path / MARKER / "report").mkdir()
    (tmp_path / MARKER / "report" / "one.json").write_text(damage, encoding="utf-8")
    (tmp_path / MARKER / "report" / "one.small.jpg").write_bytes(b"no picture")
    assert write_report(tmp_path).images == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "expected a column 'name'"),
        ("name,group\n", "expected rows of images"),
        ("name,group\nx,a\nx,b\n", "two that differ for 'x'"),
        ("name,group,Group\nx,a,b\n", "each column once"),
        ("name,group\nx\n", "expected a table in CSV"),
        ("\0", "expected a table in CSV"),
    ],
)
def test_a_wrong_table_is_said_in_one_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(NusegError, match=message) as caught:
        read_clinical(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_wrong_folders_and_columns(tmp_path: Path) -> None:
    with pytest.raises(NusegError, match="no such folder"):
        write_report(tmp_path / "none")
    with pytest.raises(NusegError, match=r"without a summary\.csv"):
        write_report(tmp_path)
    folder_of(tmp_path, row("one"))
    with pytest.raises(NusegError, match="table="):
        write_report(tmp_path, by="age")
    (tmp_path / "t.csv").write_text("name,group\none,a\n", encoding="utf-8")
    with pytest.raises(NusegError, match="expected a column 'age', found 'name', 'group'"):
        write_report(tmp_path, table=tmp_path / "t.csv", by="age")


def test_groups_are_of_patients_not_of_images() -> None:
    entries = [Entry(row(f"{number}", 10 * (number + 1), patient="pq"[number > 0])) for number in range(5)]
    found = group_row("all", entries)
    assert (found.images, found.patients, found.nuclei) == (5, 2, 150)
    assert found.mean_per_mm2 == pytest.approx((10 / 0.1 + 140 / 0.4) / 2)


def test_interval_of_a_mean_by_the_table_of_student() -> None:
    assert mean_interval(np.array([1.0, 2, 3, 4])) == pytest.approx(
        (2.5 - 3.18245 * 1.290994 / 2, 2.5, 2.5 + 3.18245 * 1.290994 / 2), rel=1e-4
    )
    assert mean_interval(np.array([3.0])) == (None, 3.0, None)
    assert mean_interval(np.array([])) == (None, None, None)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0.0, 280.0), min_size=1, max_size=200))
def test_quantiles_of_counts_are_those_of_the_values(values: list[float]) -> None:
    counts = np.bincount(size_bins(np.array(values)), minlength=SIZES)
    found = size_quantiles(counts)
    exact = np.quantile(values, [0.1, 0.25, 0.5, 0.75, 0.9], method="inverted_cdf")
    assert (np.abs(found - exact) <= 1.0 + 1e-9).all()


def test_local_densities_by_hand() -> None:
    counts = np.zeros((40, 60), int)
    counts[:10, :10] = 1  # 100 nuclei in the first of 4 x 6 squares
    counted = np.ones((40, 60), bool)
    counted[:, 50:] = False
    low, _, middle, _, high = local_densities(counts, counted, cell_um=25.0)
    assert (low, middle) == (0, 0)
    assert high == 0
    counts[:, :30] = 1
    assert local_densities(counts, counted, 25.0)[2] == pytest.approx(100 / 0.0625)
    assert local_densities(counts[:10, :30], counted[:10, :30], 25.0) == ()


def test_other_settings_and_assumed_resolutions_are_said_once() -> None:
    rows = [row(f"{number}", settings_of_most) for number, settings_of_most in enumerate([5, 5, 5])]
    entries = [Entry(one) for one in rows]
    entries.append(Entry(Row("odd", "/odd.png", nuclei=4, mpp=0.25, mpp_source="default", settings="other")))
    looks = {look.kind: look for look in find_looks(entries)}
    assert looks["settings"].names == ("odd",)
    assert looks["resolution"].names == ("odd",)
    assert set(looks) == {"settings", "resolution"}


def test_pictures_of_other_resolutions_are_not_compared_in_focus() -> None:
    sharp = [Entry(row(f"s{number}"), facts=Facts(sharpness=0.9)) for number in range(6)]
    coarse = [
        Entry(Row(f"c{number}", "/c", nuclei=3, mpp=1.0, settings="s"), facts=Facts(sharpness=0.5))
        for number in range(6)
    ]
    assert find_looks([*sharp, *coarse]) == []
    assert [look.names for look in find_looks([*sharp, Entry(row("x"), facts=Facts(sharpness=0.5))])] == [("x",)]


def test_annotations_of_all_images_in_one_table(tmp_path: Path, model: Path) -> None:
    for name in ("one", "two"):
        write_png(tmp_path / "in" / f"{name}.png", field(3))
    ring = [[0, 0], [64, 0], [64, 128], [0, 128], [0, 0]]
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"name": 'left, "half"', "classification": {"name": "Tumour"}},
    }
    (tmp_path / "areas.geojson").write_text(json.dumps(feature), encoding="utf-8")
    (tmp_path / "t.csv").write_text("name,patient\none,p, 1\n".replace("p, 1", '"p, 1"'), encoding="utf-8")
    options = {"mpp": 0.25, "model": model, "table": tmp_path / "t.csv"}
    out = tmp_path / "out"
    nuseg.segment_folder(tmp_path / "in", out, ["csv"], region=tmp_path / "areas.geojson", **options)
    table = pd.read_csv(out / "annotations.csv")
    assert table["name"].tolist() == ["one", "two"]
    assert table["annotation"].tolist() == ['left, "half"'] * 2
    assert table["patient"].fillna("").tolist() == ["p, 1", ""]
    assert table["nuclei"].tolist() == [len(pd.read_csv(out / "csv" / f"{name}.csv")) for name in ("one", "two")]
    assert 'left, "half"' in text_of(out / "report.html")
    nuseg.segment_folder(tmp_path / "in", out, ["csv"], **options)
    assert not (out / "annotations.csv").exists(), "without areas there is no row of an older run"
