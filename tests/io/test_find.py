"""Files, folders and patterns give the images they name."""

import os
from pathlib import Path

import pytest

from nuseg.errors import NusegError
from nuseg.io.find import find_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a.TIF", "notes.txt", ".hidden.png", "sub/c.jpg", "empty/notes.txt", "odd[1]/d.bmp"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def test_folder_is_not_searched_deeper(folder: Path) -> None:
    assert names(find_images([folder])) == ["a.TIF", "b.png"]


def test_files_are_taken_whatever_their_suffix(folder: Path) -> None:
    assert names(find_images([folder / "notes.txt", str(folder / "b.png")])) == ["b.png", "notes.txt"]


def test_patterns(folder: Path) -> None:
    assert names(find_images([f"{folder}/*"])) == ["a.TIF", "b.png"]
    assert sorted(names(find_images([f"{folder}/**/*.jpg", f"{folder}/*.p?g"]))) == ["b.png", "c.jpg"]


def test_a_folder_whose_name_looks_like_a_pattern(folder: Path) -> None:
    assert names(find_images([folder / "odd[1]"])) == ["d.bmp"]


def test_each_file_once(folder: Path) -> None:
    given = [folder, folder / "b.png", folder / "sub" / ".." / "b.png", f"{folder}/*.png"]
    assert names(find_images(given)) == ["a.TIF", "b.png"]


def test_one_path_alone(folder: Path) -> None:
    assert names(find_images(folder / "b.png")) == ["b.png"]


def test_slides_beside_images_are_mentioned(folder: Path) -> None:
    (folder / "slide.ndpi").touch()
    noted: list[str] = []
    assert names(find_images([folder], noted=noted.append)) == ["a.TIF", "b.png"]
    assert noted == [f"{folder}: the folder: 1 slide file such as slide.ndpi, not taken here: left out"]
    assert names(find_images([folder])) == ["a.TIF", "b.png"]


def test_pictures_of_other_formats_are_mentioned(folder: Path) -> None:
    for name in ("x.WEBP", "y.jp2", "z.qptiff"):
        (folder / name).touch()
    noted: list[str] = []
    assert names(find_images([folder], noted=noted.append)) == ["a.TIF", "b.png"]
    assert noted == [f"{folder}: the folder: 3 files of formats not read here, such as x.WEBP: left out"]
    with pytest.raises(NusegError, match=r"holds no image: .*1 file of formats not read here, such as x\.WEBP"):
        find_images([f"{folder}/*.WEBP"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_regular_file_is_mentioned(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    noted: list[str] = []
    assert names(find_images([folder], noted=noted.append)) == ["a.TIF", "b.png"]
    assert noted == [f"{folder}: the folder: 1 name of no regular file, such as pipe.png: left out"]


def test_a_link_to_a_folder_above_counts_nothing_twice(folder: Path) -> None:
    (folder / "loop").symlink_to(".")
    (folder / "gone.png").symlink_to("nowhere.png")
    noted: list[str] = []
    assert find_images([f"{folder}/**/*.png"], noted=noted.append) == [folder / "b.png"]
    assert noted == [
        f"{folder}/**/*.png: what matches this pattern: 1 link to nothing, such as gone.png (to nowhere.png): left out"
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nothing.png", r"nothing\.png: no such file or folder"),
        ("*.bmp", "no file matches this pattern"),
        ("*.txt", r"expected files ending in \.png, .*, found 1 other"),
        ("empty", r"expected files ending in \.png, .*, found 1 other"),
    ],
)
def test_nothing_found_is_said(folder: Path, given: str, message: str) -> None:
    with pytest.raises(NusegError, match=message):
        find_images([folder / given])


def test_no_inputs() -> None:
    with pytest.raises(NusegError, match="no images given"):
        find_images([])


def test_a_folder_of_slides_only(tmp_path: Path) -> None:
    (tmp_path / "slide.svs").touch()
    with pytest.raises(NusegError, match=r"1 slide file such as slide\.svs, not taken here"):
        find_images([tmp_path])


def test_slides_where_they_are_wanted(folder: Path) -> None:
    (folder / "slide.ndpi").touch()
    (folder / "level.dcm").touch()
    noted: list[str] = []
    assert names(find_images([folder], slides=True, noted=noted.append)) == ["a.TIF", "b.png", "slide.ndpi"]
    assert len(noted) == 1
    assert "1 slide file such as level.dcm, to be named one by one" in noted[0]
    assert names(find_images([folder / "level.dcm"], slides=True)) == ["level.dcm"]
