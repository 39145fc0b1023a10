"""The summary of a batch comes back as it was written."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from nuseg.errors import NusegError
from nuseg.measure.counts import CountError
from nuseg.results import summary
from nuseg.results.summary import Row, result_row
from slide_results import MPP, as_batch, as_result, label_field, slide_info


def test_rows_come_back(tmp_path: Path) -> None:
    rows = [
        Row(
            name="a",
            image="/x/a.svs",
            width=30,
            height=20,
            mpp=0.25,
            mpp_source="default",
            nuclei=7,
            nuclei_low=5,
            nuclei_high=9,
            nuclei_per_mm2=746.67,
            area_mm2=0.009375,
            mean_area_um2=31.25,
            mask_fraction=0.125,
            damaged_tiles=2,
            seconds=1.5,
            model="m",
            settings="01234567",
            warning="no mpp, so",
        ),
        Row("0012", "/x/0012.png", 30, 20, 0.25, "user", nuclei=0, nuclei_per_mm2=0.0, model="m", settings="00000012"),
        Row("NA", "/x/NA.png", error='bad, "quoted" ä'),
    ]
    summary.write(rows, tmp_path / "summary.csv")
    assert summary.read(tmp_path / "summary.csv") == rows


def test_numbers_are_whole_in_the_file(tmp_path: Path) -> None:
    summary.write([Row("a", "a.png", nuclei=7), Row("b", "b.png", error="bad")], tmp_path / "s.csv")
    lines = (tmp_path / "s.csv").read_text().splitlines()
    assert lines[0].startswith("name,image,width,height,mpp,mpp_source,nuclei,nuclei_low,nuclei_high,nuclei_per_mm2")
    assert lines[1].split(",")[6] == "7"
    assert lines[2].split(",")[6] == ""


def test_a_summary_of_the_first_version_is_read(tmp_path: Path) -> None:
    summary.write([Row("a", "a.png", nuclei=7)], tmp_path / "s.csv")
    table = pd.read_csv(tmp_path / "s.csv").drop(columns=["nuclei_low", "nuclei_high", "density_area"])
    table.to_csv(tmp_path / "s.csv", index=False)
    assert summary.read(tmp_path / "s.csv") == [Row("a", "a.png", nuclei=7)]


def test_row_of_a_result() -> None:
    labels = label_field(240, 480)
    batch = as_batch(labels)
    info = replace(
        slide_info(*labels.shape), notes=("pale", "torn"), damaged=[[0, 0, 64, 64]], seconds=2.5, mpp_source="MPP"
    )
    tissue = 240 * 480 * MPP**2 / 1e6 / 2
    row = result_row("a", "/x/a.svs", as_result([batch], info), "0123")
    assert row == Row(
        name="a",
        image="/x/a.svs",
        width=480,
        height=240,
        mpp=MPP,
        mpp_source="MPP",
        nuclei=len(batch),
        nuclei_per_mm2=pytest.approx(len(batch) / tissue),
        area_mm2=pytest.approx(tissue),
        density_area="image",
        mean_area_um2=pytest.approx(batch.table["area_um2"].mean()),
        mask_fraction=pytest.approx((labels > 0).sum() * MPP**2 / 1e6 / tissue),
        damaged_tiles=1,
        seconds=2.5,
        model="m",
        settings="0123",
        warning="pale; torn",
    )


def test_a_result_says_what_count_is_to_be_expected() -> None:
    batch = as_batch(label_field(240, 480))
    assert len(batch) == 200
    assert result_row("a", "a.svs", as_result([batch], slide_info(240, 480)), "").nuclei_low is None
    error = CountError(images=9, bias=0, mean_absolute=0.1, low=0.9, high=1.204)
    row = result_row("a", "a.svs", as_result([batch], replace(slide_info(240, 480), count_error=error)), "")
    assert (row.nuclei_low, row.nuclei_high) == (180, 241)


def test_row_says_what_its_density_is_over() -> None:
    batch = as_batch(label_field(240, 480))
    tissue = replace(slide_info(240, 480), tissue_mm2=0.5, least_density=0.05)
    row = result_row("a", "a.svs", as_result([batch], tissue), "")
    assert (row.area_mm2, row.density_area, row.nuclei_per_mm2) == (0.5, "tissue", 400)
    row = result_row("a", "a.svs", as_result([batch], replace(slide_info(240, 480), region_mm2=0.1)), "")
    assert (row.area_mm2, row.density_area, row.nuclei_per_mm2) == (0.1, "region", pytest.approx(2000))


def test_row_of_a_result_without_nuclei_or_tissue() -> None:
    glass = slide_info(240, 480)
    assert glass.counted is not None
    glass.counted[:] = False
    row = result_row("a", "/x/a.svs", as_result([], glass), "")
    assert (row.nuclei, row.area_mm2, row.nuclei_per_mm2, row.mean_area_um2, row.mask_fraction) == (0, 0, None, None, 0)


def test_no_rows(tmp_path: Path) -> None:
    summary.write([], tmp_path / "s.csv")
    assert summary.read(tmp_path / "s.csv") == []


def test_no_file(tmp_path: Path) -> None:
    assert summary.read(tmp_path / "s.csv") == []


HEAD = "name,image,width,nuclei,model,settings,warning,error\n"
OTHERS = ["", "a,b\n1,2\n", "\x00\x01", "name,image\n" * 3, f"{HEAD}a,a.png,ten,1,m,0,,\n",
          f"{HEAD}a,a.png,{'9' * 30},1,m,0,,\n", f"{HEAD}a,a.png,1,-1,m,0,,\n", f"{HEAD}{'a' * 200_000},,,,,,,\n",
          f'{HEAD}"a']  # fmt: skip


@pytest.mark.parametrize("content", OTHERS, ids=range(len(OTHERS)))
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "s.csv").write_text(content)
    with pytest.raises(NusegError, match=r"s\.csv: expected a summary") as caught:
        summary.read(tmp_path / "s.csv")
    assert len(str(caught.value)) < len(str(tmp_path)) + 400
    assert "\n" not in str(caught.value)


def test_what_no_file_can_hold_is_escaped(tmp_path: Path) -> None:
    summary.write([Row("a\udcff", "a\nb.png", error="\x1b[2J")], tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_text(encoding="utf-8").count("\n") == 2
    assert summary.read(tmp_path / "s.csv") == [Row("a\\xff", "a\\nb.png", error="\\x1b[2J")]
