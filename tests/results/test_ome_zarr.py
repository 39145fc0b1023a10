"""The label pyramid, read back by zarr and held against OME-NGFF 0.4."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nuseg.results.formats import ome_zarr
from slide_results import as_batch, cut, label_field, slide_info

zarr = pytest.importorskip("zarr", reason="needs nuseg[zarr]")


def write(path: Path, labels: np.ndarray, *sizes: int) -> None:
    with ome_zarr.opened(path, slide_info(*labels.shape)) as add:
        for batch in cut(as_batch(labels), *sizes):
            add(batch)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ome_zarr, "CHUNK", 64)


def test_labels_come_back(tmp_path: Path) -> None:
    labels = label_field(150, 210)  # nuclei lie across chunks
    write(tmp_path / "n.ome.zarr", labels, 5, 11)
    group = zarr.open_group(tmp_path / "n.ome.zarr", mode="r")
    assert group.metadata.zarr_format == 2
    levels = [group[str(number)] for number in range(3)]
    assert [level.shape for level in levels] == [(150, 210), (75, 105), (38, 53)]
    assert all(level.dtype == np.int32 for level in levels)
    assert np.array_equal(levels[0][:], labels)
    assert np.array_equal(levels[1][:], labels[::2, ::2])
    assert np.array_equal(levels[2][:], labels[::4, ::4])


def test_a_nucleus_at_every_border_and_touching_ones(tmp_path: Path) -> None:
    labels = np.ones((128, 128), np.int32)
    labels[:, 60:70] = 2
    labels[:, 70:] = 3
    labels[100:, 70:] = 4
    write(tmp_path / "n.ome.zarr", labels)
    assert np.array_equal(zarr.open_group(tmp_path / "n.ome.zarr", mode="r")["0"][:], labels)


def test_metadata_is_ome_ngff_0_4(tmp_path: Path) -> None:
    write(tmp_path / "n.ome.zarr", label_field(150, 210))
    attributes = dict(zarr.open_group(tmp_path / "n.ome.zarr", mode="r").attrs)
    (image,) = attributes["multiscales"]
    assert image["version"] == attributes["image-label"]["version"] == "0.4"
    assert [axis["name"] for axis in image["axes"]] == ["y", "x"]
    assert all((axis["type"], axis["unit"]) == ("space", "micrometer") for axis in image["axes"])
    assert [dataset["path"] for dataset in image["datasets"]] == ["0", "1", "2"]
    scales = [dataset["coordinateTransformations"] for dataset in image["datasets"]]
    assert scales == [[{"type": "scale", "scale": [side, side]}] for side in (0.5, 1.0, 2.0)]


def test_notes_lie_beside_the_pyramid(tmp_path: Path) -> None:
    info = replace(slide_info(64, 64), notes=("s.svs: the file states 0.5 um/px, but mpp= says 0.25",))
    with ome_zarr.opened(tmp_path / "n.ome.zarr", info):
        pass
    assert zarr.open_group(tmp_path / "n.ome.zarr", mode="r").attrs["nuseg"] == info.about()


def test_empty_chunks_take_no_space_and_chunks_lie_in_folders(tmp_path: Path) -> None:
    labels = np.zeros((200, 200), np.int32)
    labels[70:75, 3:9] = 1
    write(tmp_path / "n.ome.zarr", labels)
    level = tmp_path / "n.ome.zarr" / "0"
    assert [str(file.relative_to(level)) for file in level.rglob("*") if file.name[0] != "." and file.is_file()] == [
        "1/0"
    ]


def test_no_nuclei_and_an_older_folder(tmp_path: Path) -> None:
    path = tmp_path / "n.ome.zarr"
    write(path, label_field(150, 210))
    write(path, np.zeros((30, 40), np.int32))
    group = zarr.open_group(path, mode="r")
    assert list(group.array_keys()) == ["0"]
    assert not group["0"][:].any()
    assert list(tmp_path.iterdir()) == [path]
