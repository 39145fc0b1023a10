"""The summary of a batch comes back as it was written."""

from pathlib import Path

import pytest

from nuseg.errors import NusegError
from nuseg.io.results import summary
from nuseg.io.results.summary import Row


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
    assert lines[0].startswith("name,image,width,height,mpp,mpp_source,nuclei,nuclei_per_mm2,area_mm2")
    assert lines[1].split(",")[6] == "7"
    assert lines[2].split(",")[6] == ""


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
