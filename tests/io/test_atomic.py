"""Files appear whole or not at all."""

import multiprocessing
from pathlib import Path

import pytest

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path


def write(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text)


def test_appears_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "mask.ome.tif"
    with atomic_path(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.name.startswith(".")
        assert temporary.suffixes[-2:] == [".ome", ".tif"]
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "mask.png"
    path.write_text("old")

    def half_write() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(failure):
        half_write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_replaces_an_older_file(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "old")
    write(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"


def test_disk_full_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"

    def fill_disk() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(NusegError, match=r"mask\.png: cannot be written \(No space left on device\)"):
        fill_disk()
    assert list(tmp_path.iterdir()) == []


def test_refuses_a_folder_of_that_name_and_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(NusegError, match="a folder has this name"):
        write(tmp_path / "folder", "x")
    with pytest.raises(NusegError, match="cannot be written"):
        write(tmp_path / "file" / "mask.png", "x")


def test_longest_possible_name(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 125 + ".png")
    write(path, "x")
    assert list(tmp_path.iterdir()) == [path]


def test_several_processes_write_beside_each_other(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        pool.starmap(write, [(tmp_path / f"{number % 4}.txt", str(number % 4)) for number in range(16)])
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        f"{number}.txt": str(number) for number in range(4)
    }
