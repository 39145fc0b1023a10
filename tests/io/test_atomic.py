"""Files appear whole or not at all."""

import multiprocessing
from pathlib import Path

import pytest

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_folder, atomic_path


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


def fill(path: Path, name: str) -> None:
    with atomic_folder(path) as temporary:
        (temporary / "deep").mkdir()
        (temporary / "deep" / name).write_text("whole")
        assert not (path / "deep" / name).exists()


def test_a_folder_appears_only_at_the_end_and_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "new" / "labels.ome.zarr"
    for name in ("a", "b"):
        fill(path, name)
        assert [file.name for file in (path / "deep").iterdir()] == [name]
        assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "labels"
    fill(path, "old")

    def half_fill() -> None:
        with atomic_folder(path) as temporary:
            (temporary / "half").write_text("half")
            raise failure

    with pytest.raises(failure):
        half_fill()
    assert [file.name for file in path.rglob("*")] == ["deep", "old"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_does_not_replace_a_file(tmp_path: Path) -> None:
    (tmp_path / "labels").write_text("mine")
    with pytest.raises(NusegError, match="is a file"), atomic_folder(tmp_path / "labels"):
        pass
    assert (tmp_path / "labels").read_text() == "mine"
