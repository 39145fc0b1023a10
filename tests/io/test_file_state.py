"""Whether a file is still what it was."""

import os
from pathlib import Path

import pytest

from nuseg.io import file_state
from nuseg.io.file_state import FileState, content_hash


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(range(256)) * 40)
    return path


def keep_time(path: Path, content: bytes) -> None:
    """Replace a file's content, and give it the time that it had."""
    state = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_touched_is_not_changed(file: Path) -> None:
    state = FileState.of(file)
    assert state.holds(file)
    os.utime(file, (1, 1))
    assert state.holds(file)


@pytest.mark.parametrize("at", [0, 5000, -1])
def test_other_content_of_the_same_size_and_time_is_changed(file: Path, at: int) -> None:
    state, content = FileState.of(file), bytearray(file.read_bytes())
    content[at] ^= 255
    keep_time(file, bytes(content))
    assert not state.holds(file)


def test_another_size_and_no_file_are_changed(file: Path) -> None:
    state = FileState.of(file)
    keep_time(file, file.read_bytes() + b"0")
    assert not state.holds(file)
    file.unlink()
    assert not state.holds(file)


def test_a_large_file_is_hashed_in_pieces_from_its_first_byte_to_its_last(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_state, "PIECE", 100)
    monkeypatch.setattr(file_state, "WHOLE_PIECES", 8)
    content = file.read_bytes()
    first = content_hash(file)
    for at, differs in ((0, True), (99, True), (len(content) - 1, True), (101, False)):
        changed = bytearray(content)
        changed[at] ^= 255
        file.write_bytes(changed)
        assert (content_hash(file) != first) is differs
    file.write_bytes(content)
    state = FileState.of(file)
    os.utime(file, (1, 1))
    assert not state.holds(file), "pieces do not tell what was changed in place"
