"""Shards: every image in one of them, whatever shares the folder."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dark_model import save_dark_model
from nuseg.errors import NusegError
from nuseg.io.image import write_png
from nuseg.results import summary
from nuseg.segmentation.folder import segment_folder, take_shard
from nuseg.segmentation.jobs import Job
from slide_files import scene


@given(images=st.integers(0, 40), count=st.integers(1, 50))
def test_shards_part_the_images(images: int, count: int) -> None:
    jobs = [Job(Path(f"{number}.png"), f"{number}") for number in range(images)]
    shards = [take_shard(jobs, (number, count)) for number in range(1, count + 1)]
    assert sorted((job for shard in shards for job in shard), key=jobs.index) == jobs
    sizes = [len(shard) for shard in shards]
    assert max(sizes) - min(sizes) <= 1
    assert take_shard(jobs, None) == jobs


@pytest.mark.parametrize("shard", [(0, 3), (4, 3), (-1, 3), (1, 0)])
def test_shards_that_are_none(shard: tuple[int, int]) -> None:
    with pytest.raises(NusegError, match=f"shard='{shard[0]}/{shard[1]}': expected K/N with K from 1 to N"):
        take_shard([], shard)


def test_shards_name_results_as_one_run_does_and_the_summary_has_all(tmp_path: Path) -> None:
    """Two images of one name lie in different shards: their names must still be told apart."""
    model = save_dark_model(tmp_path / "dark")
    for place in ("one/x", "two/x", "two/y"):
        write_png(tmp_path / "in" / f"{place}.png", scene(20, 30))
    images = f"{tmp_path}/in/*/*.png"
    said: list[str] = []
    for number in (4, 2, 1, 3):
        result = segment_folder(images, tmp_path / "out", ["csv"], mpp=0.25, model=model, shard=(number, 4),
                                said=said.append)  # fmt: skip
        assert len(result.rows) == (number < 4)
    assert said == ["note: 3 images for 4 shards: none for this one"]
    assert [row.name for row in summary.read(tmp_path / "out" / "summary.csv")] == ["one_x", "two_x", "y"]
    again = segment_folder(images, tmp_path / "out", ["csv"], mpp=0.25, model=model)
    assert (again.rows, again.skipped) == ([], 3)
