"""The summary of a batch comes back as it was written."""

from pathlib import Path

import pandas as pd
import pytest

from nuseg.errors import NusegError
from nuseg.measure.counts import CountError
from nuseg.results import summary
from nuseg.results.summary import Row, slide_row


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
    table = pd.read_csv(tmp_path / "s.csv").drop(columns=["nuclei_low", "nuclei_high"])
    table.to_csv(tmp_path / "s.csv", index=False)
    assert summary.read(tmp_path / "s.csv") == [Row("a", "a.png", nuclei=7)]


def test_a_slide_says_what_count_is_to_be_expected() -> None:
    record = dict.fromkeys(("width", "height", "mpp", "mpp_source", "nuclei_per_mm2", "tissue_mm2", "mask_fraction"))
    record |= {"nuclei": 200, "mean": {}}
    assert slide_row("a", "a.svs", record, "").nuclei_low is None
    record["count_error"] = CountError(images=9, bias=0, mean_absolute=0.1, low=0.9, high=1.204).model_dump()
    row = slide_row("a", "a.svs", record, "")
    assert (row.nuclei_low, row.nuclei_high) == (180, 241)


def test_no_rows(tmp_path: Path) -> None:
    summary.write([], tmp_path / "s.csv")
    assert summary.read(tmp_path / "s.csv") == []


def test_no_file(tmp_path: Path) -> None:
    assert summary.read(tmp_path / "s.csv") == []


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "\x00\x01", "name,image\n" * 3])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "s.csv").write_text(content)
    with pytest.raises(NusegError, match=r"s\.csv: expected a summary"):
        summary.read(tmp_path / "s.csv")
