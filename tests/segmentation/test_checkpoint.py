"""Checkpoints that are damaged, or somebody else's: one clear line, and nothing that they hold is run."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nuseg.errors import NusegError
from nuseg.segmentation.checkpoint import SETTINGS, FolderCheckpoint
from nuseg.segmentation.components import MEASURES

GOOD = {
    "first": np.zeros((2, 2), np.int64),
    "measures": np.zeros((2, len(MEASURES))),
    "corners": np.zeros((7, 2), np.int32),
    "lengths": np.array([3, 4]),
    "y": np.arange(5, dtype=np.int32),
    "x": np.arange(5, dtype=np.int32),
    "component": np.zeros(5, np.int32),
    "raw_probability": np.zeros(5, np.uint8),
    "distance": np.zeros(5, np.uint16),
    "colour": np.zeros((5, 3), np.uint8),
    "damaged": np.zeros((1, 4), np.int64),
}


@pytest.fixture
def checkpoint(tmp_path: Path) -> FolderCheckpoint:
    return FolderCheckpoint(tmp_path / "scan.partial", {"tile": 2048})


def load(checkpoint: FolderCheckpoint) -> list[np.ndarray]:
    return checkpoint.load("tile", 3, list(GOOD))


def test_what_is_kept_is_given_back(checkpoint: FolderCheckpoint) -> None:
    checkpoint.save("tile", 3, GOOD)
    for found, kept in zip(load(checkpoint), GOOD.values(), strict=True):
        np.testing.assert_array_equal(found, kept)
    assert checkpoint.load("tile", 3, ["lengths"])[0].tolist() == [3, 4]


@pytest.mark.parametrize(
    "changed",
    [
        {"first": np.zeros((2, 2))},
        {"first": np.zeros((2, 2), ">i8")},
        {"first": np.zeros((3, 2), np.int64)},
        {"measures": np.zeros((2, 3))},
        {"corners": np.zeros((7, 1), np.int32)},
        {"corners": np.zeros((6, 2), np.int32)},
        {"lengths": np.array([-3, 10])},
        {"component": np.full(5, 2**31 - 1, np.int32)},
        {"component": np.full(5, -1, np.int32)},
        {"y": np.array([0, 1, 2, 3, 2**31 - 1], np.int32)},
        {"x": np.array([-(2**31), 1, 2, 3, 2**31 - 1], np.int32)},
        {"colour": np.zeros((4, 3), np.uint8)},
        {"damaged": np.zeros(4, np.int64)},
        {"lengths": np.array([3, None], object)},
    ],
    ids=lambda changed: "{} {}".format(*next((name, value.tolist()) for name, value in changed.items())),
)
def test_arrays_that_were_not_written_so(checkpoint: FolderCheckpoint, changed: dict[str, np.ndarray]) -> None:
    checkpoint.save("tile", 3, GOOD | changed)
    refused(checkpoint)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:700])


def compressed(path: Path) -> None:
    np.savez_compressed(path, **GOOD | {"y": np.zeros(10**6, np.int32)})


def long_header(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"'shape': (2, 2), ", b"'shape': (10**99)"))


def no_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("first.npy", b"no array\n" * 3)


@pytest.mark.parametrize("damage", [cut, compressed, long_header, no_archive])
def test_files_that_were_not_written_so(checkpoint: FolderCheckpoint, damage: Callable[[Path], None]) -> None:
    checkpoint.save("tile", 3, GOOD)
    damage(checkpoint.path("tile", 3))
    refused(checkpoint)


def test_a_part_that_somebody_deleted(checkpoint: FolderCheckpoint) -> None:
    checkpoint.save("tile", 3, GOOD)
    checkpoint.path("tile", 3).unlink()
    with pytest.raises(NusegError, match=r"tile-0000003\.npz: gone; leave .* until the slide is done"):
        load(checkpoint)


def test_a_folder_that_is_gone_is_not_made_anew(checkpoint: FolderCheckpoint, tmp_path: Path) -> None:
    """It may be that of a drive, in whose place the part would go to this machine's own."""
    checkpoint.folder.rename(tmp_path / "elsewhere")
    with pytest.raises(NusegError, match=r"scan\.partial: gone"):
        checkpoint.save("tile", 3, GOOD)
    assert not checkpoint.folder.exists()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}", b'{\n  "tile": 512\n}', b"[" * 10**5])
def test_other_settings_begin_anew(checkpoint: FolderCheckpoint, content: bytes) -> None:
    checkpoint.save("tile", 3, GOOD)
    (checkpoint.folder / SETTINGS).write_bytes(content)
    anew = FolderCheckpoint(checkpoint.folder, {"tile": 2048})
    assert not anew.has("tile", 3)
    assert anew.numbers("tile") == []


def test_the_same_settings_go_on_and_foreign_files_do_not_count(checkpoint: FolderCheckpoint) -> None:
    checkpoint.save("tile", 3, GOOD)
    for name in ("tile-x.npz", "tile-.npz", "tile--1.npz"):
        (checkpoint.folder / name).write_bytes(b"x")
    again = FolderCheckpoint(checkpoint.folder, {"tile": 2048})
    assert again.has("tile", 3)
    assert again.numbers("tile") == [3]


def refused(checkpoint: FolderCheckpoint) -> None:
    """Check that the part is refused in one line that names it."""
    path = checkpoint.path("tile", 3)
    with pytest.raises(NusegError) as caught:
        load(checkpoint)
    message = str(caught.value)
    assert message.startswith(f"{path}: damaged (")
    assert "\n" not in message
    assert len(message) < 2 * len(str(path)) + 300
