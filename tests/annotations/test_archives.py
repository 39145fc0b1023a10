"""Zip archives: nothing is written outside, nothing too large is unpacked."""

import stat
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from nuseg.annotations import archives
from nuseg.annotations.archives import unpacked
from nuseg.errors import NusegError


def test_what_is_inside_is_unpacked_and_goes_again(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("sub/a.txt", "x")
        archive.writestr("__MACOSX/sub/._a.txt", "y")
    with unpacked(tmp_path / "a.zip") as folder:
        assert [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.txt"))] == ["sub/a.txt"]
    assert not folder.exists()


@pytest.mark.parametrize("name", ["../out.txt", "/tmp/out.txt", "a/../../out.txt", "..\\out.txt", "C:\\out.txt"])
def test_names_outside_are_refused(name: str, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("good.txt", "x")
        archive.writestr(name, "x")
    with pytest.raises(NusegError, match="outside of the archive"), unpacked(tmp_path / "a.zip"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize("name", ["", "."])
def test_files_without_a_name_are_refused(name: str, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("good.txt", "x")
        archive.writestr(ZipInfo(name), "x")
    with pytest.raises(NusegError, match="a file in it has no name"), unpacked(tmp_path / "a.zip"):
        pass


def test_links_are_refused(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        link = ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(NusegError, match="is a link"), unpacked(tmp_path / "a.zip"):
        pass


def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ZipFile(tmp_path / "a.zip", "w", 8) as archive:
        archive.writestr("a", bytes(1 << 20))
    monkeypatch.setattr(archives, "MOST_BYTES", 1 << 19)
    with pytest.raises(NusegError, match="unpack it yourself"), unpacked(tmp_path / "a.zip"):
        pass


def test_a_damaged_archive_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(NusegError, match="damaged zip archive"), unpacked(tmp_path / "a.zip"):
        pass


def test_damaged_compression_is_refused_by_the_name_of_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "text " * 100)
    content = bytearray(path.read_bytes())
    content[30 + len("a.txt")] = 0xFF  # first byte behind the local header: a kind of block that there is not
    path.write_bytes(content)
    with pytest.raises(NusegError, match=r"a\.zip: damaged zip archive") as refused, unpacked(path):
        pass
    assert "\n" not in str(refused.value)
