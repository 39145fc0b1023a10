"""HoVer-Net, Cellpose, PanNuke, YOLO and GeoParquet: as their programs write them, and what is refused."""

import os
import pickle
from pathlib import Path

import geopandas
import h5py
import numpy as np
import pytest
import scipy.io
import shapely
from drawings import rectangle_labels

from nuseg.annotations.annotation import Annotation, Canvas
from nuseg.annotations.formats.cellpose import FORMAT as CELLPOSE
from nuseg.annotations.formats.geoparquet import FORMAT as GEOPARQUET
from nuseg.annotations.formats.hovernet import FORMAT as HOVERNET
from nuseg.annotations.formats.pannuke import CLASSES
from nuseg.annotations.formats.pannuke import FORMAT as PANNUKE
from nuseg.annotations.formats.yolo import FORMAT as YOLO
from nuseg.errors import NusegError

LABELS = np.array([[0, 2, 2, 5], [9, 9, 0, 5]])


def test_mat_types_in_the_order_of_the_labels_and_by_pixel(tmp_path: Path) -> None:
    types = {0: 0, 2: 1, 5: 3, 9: 0}
    type_map = np.vectorize(types.get)(LABELS)
    for held in (
        {"inst_type": np.array([[1], [3], [0]])},
        {"type_map": type_map},
        {"inst_type": [7], "type_map": type_map},
    ):
        scipy.io.savemat(tmp_path / "a.mat", {"inst_map": LABELS, **held})
        found = HOVERNET.load(tmp_path / "a.mat", "a")
        assert np.array_equal(found.labels, LABELS)
        assert found.classes == ("1", "3", None)
    scipy.io.savemat(tmp_path / "a.mat", {"inst_map": LABELS, "id": [[9, 2, 5]], "class": [[4], [1], [2]]})
    assert HOVERNET.load(tmp_path / "a.mat", "a").classes == ("1", "2", "4")
    scipy.io.savemat(tmp_path / "a.mat", {"inst_map": LABELS})
    assert HOVERNET.load(tmp_path / "a.mat", "a").classes is None


def test_mat_of_matlab_73_is_turned_round(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["inst_map"], file["inst_type"] = LABELS.T.astype(np.float64), np.array([[1.0, 3.0, 2.0]])
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + bytes([0, 2]) + b"IM")
    found = HOVERNET.load(path, "a")
    assert np.array_equal(found.labels, LABELS)
    assert found.classes == ("1", "3", "2")


def test_mat_of_matlab_73_reads_no_other_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = LABELS
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["inst_map"] = h5py.ExternalLink("other.h5", "secret")
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file".ljust(124))
    with pytest.raises(NusegError, match="has no variable inst_map"):
        HOVERNET.load(path, "a")


def test_mat_keeps_numbers_and_names_of_classes(tmp_path: Path) -> None:
    labels = np.array([[1, 2, 3, 4]])
    written = Annotation(labels, classes=("3", "tumour", None, "7"), vocabulary=("tumour", "stroma"))
    HOVERNET.write(written, tmp_path / "a.mat")
    held = scipy.io.loadmat(tmp_path / "a.mat")
    assert held["inst_type"].ravel().tolist() == [3, 1, 0, 7]
    assert held["type_map"].tolist() == [[3, 1, 0, 7]]
    assert held["inst_centroid"].tolist() == [[0, 0], [1, 0], [2, 0], [3, 0]]
    found = HOVERNET.load(tmp_path / "a.mat", "a")
    assert found.classes == written.classes
    assert set(found.vocabulary) == {"tumour", "stroma", "3", "7"}


@pytest.mark.parametrize(
    "held", [np.ones((2, 2, 3)), np.array([[0.5, 1]]), np.array([[-1, 1]]), np.array([[np.nan, 1]])]
)
def test_mat_without_a_label_image_is_refused(held: np.ndarray, tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"inst_map": held})
    with pytest.raises(NusegError, match=r"a\.mat: inst_map"):
        HOVERNET.load(tmp_path / "a.mat", "a")


@pytest.mark.parametrize("protocol", range(6))
def test_cellpose_files_of_every_pickle_protocol(protocol: int, tmp_path: Path) -> None:
    content = {
        "masks": LABELS.astype(np.int32),
        "flows": [np.zeros((1, 2, 3), np.float32), [np.float64(2)], None],
        "filename": Path("/some/where/a.png"),
        "est_diam": np.float32(3),
        "order": np.asfortranarray(np.arange(6).reshape(2, 3)),
    }
    held = np.empty((), object)
    held[()] = content
    with (tmp_path / "a_seg.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickle.dump(held, file, protocol)
    found = CELLPOSE.load(tmp_path / "a_seg.npy", "a")
    assert np.array_equal(found.labels, LABELS)
    assert found.canvas.name == "a.png"


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.mark}",)


def test_cellpose_runs_no_code(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    for number, content in enumerate(({"masks": LABELS, "x": Evil(mark)}, Evil(mark))):
        path = tmp_path / f"{number}_seg.npy"
        np.save(path, np.array(content, object), allow_pickle=True)
        with pytest.raises(NusegError, match=r"cannot be read safely \(it asks for (posix|nt)\.system"):
            CELLPOSE.load(path, "a")
    assert not mark.exists()


@pytest.mark.parametrize(
    "name", ["builtins.eval", "builtins.getattr", "numpy.load", "numpy.ndarray.tofile", "os.system"]
)
def test_cellpose_finds_no_other_name(name: str, tmp_path: Path) -> None:
    module, _, attribute = name.rpartition(".")
    with (tmp_path / "a_seg.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        file.write(f"c{module}\n{attribute}\n(S'x'\ntR.".encode())
    with pytest.raises(NusegError, match="cannot be read safely"):
        CELLPOSE.load(tmp_path / "a_seg.npy", "a")


def test_cellpose_refuses_stacks(tmp_path: Path) -> None:
    np.save(tmp_path / "a_seg.npy", np.array({"masks": np.zeros((3, 4, 5), int)}, object), allow_pickle=True)
    with pytest.raises(NusegError, match="stacks are not read"):
        CELLPOSE.load(tmp_path / "a_seg.npy", "a")


def pannuke(folder: Path) -> Path:
    """Two images in PanNuke's folders; in the second a small nucleus lies over a large one of another class."""
    masks = np.zeros((2, 8, 8, 6))
    masks[0, 2:4, 2:4, 4] = 3
    masks[1, 1:7, 1:7, 0] = 1
    masks[1, 2:4, 2:4, 1] = 2
    images = np.full((2, 8, 8, 3), 200.0)
    images[1] = 100
    for name, array in {"masks/fold1/masks": masks, "images/fold1/images": images}.items():
        path = folder / f"{name}.npy"
        path.parent.mkdir(parents=True)
        np.save(path, array)
    np.save(folder / "images" / "fold1" / "types.npy", np.array(["Breast", "Head/Neck"]))
    return folder / "masks" / "fold1" / "masks.npy"


def test_pannuke_names_pixels_and_overlaps(tmp_path: Path) -> None:
    path = pannuke(tmp_path)
    assert PANNUKE.find(tmp_path) == [path]
    assert PANNUKE.index(path) == ["fold1_0000_Breast", "fold1_0001_Head-Neck"]
    found = PANNUKE.load(path, "fold1_0001_Head-Neck")
    assert found.labels is not None
    assert [(found.labels == number).sum() for number in (1, 2)] == [32, 4]
    assert found.classes == ("Neoplastic", "Inflammatory")
    assert found.vocabulary == CLASSES
    pixels = PANNUKE.pixels(path, "fold1_0001_Head-Neck")
    assert pixels is not None
    assert (pixels == 100).all()


def test_pannuke_has_its_own_classes_alone(tmp_path: Path) -> None:
    with pytest.raises(NusegError, match="has a nucleus of the class t, expected one of Neoplastic"):
        PANNUKE.write_images([Annotation(rectangle_labels(), classes=("t",))], tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_yolo_names_boxes_certainties_and_sizes(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("names: {0: tumour, 2: stroma}\n")
    (tmp_path / "labels" / "train").mkdir(parents=True)
    path = tmp_path / "labels" / "train" / "a.txt"
    path.write_text("0 0.5 0.5 0.5 0.5\n2 0 0 0.5 0 0.5 0.5 0.9\n\n7 0 0 1 0 1 1\n")
    found = YOLO.load(path, "a", (10, 20))
    assert [nucleus.area for nucleus in found.areas] == pytest.approx([50, 25, 100])
    assert found.classes == ("tumour", "stroma", "7")
    assert found.notes == ("1 nucleus given as box, not as outline",)
    with pytest.raises(NusegError, match="its size is needed: give images="):
        YOLO.load(path, "a")


def test_yolo_takes_its_own_text_alone(tmp_path: Path) -> None:
    texts = {"a": "0 0 0 1 0 1 1\n", "b": "", "c": "some words\n", "classes": "tumour\n", "d": "0 300 4 5 6\n"}
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text)
    assert [path.name for path in YOLO.find(tmp_path)] == ["a.txt", "b.txt"]
    (tmp_path / "a.txt").write_text("0 0 0 1 0 1 1\n0 0 0 x\n")
    with pytest.raises(NusegError, match=r"a\.txt: line 2: expected"):
        YOLO.load(tmp_path / "a.txt", "a", (5, 5))


def test_geoparquet_of_geopandas_and_to_it(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    frame = geopandas.GeoDataFrame(
        {"id": [4, 5, 6], "classification": ["t", None, "u"]},
        geometry=[shapely.box(0, 0, 2, 2), shapely.box(3, 3, 4, 4), shapely.Point(1, 1)],
    )
    frame.to_parquet(path)
    found = GEOPARQUET.load(path, "a")
    assert (found.classes, found.ids) == (("t", None), ("4", "5"))
    assert found.notes == ("1 row without an area: left out",)
    annotation = Annotation(polygons=found.areas, classes=found.classes, ids=found.ids, canvas=Canvas("b.png", (9, 9)))
    GEOPARQUET.write_images([annotation], tmp_path / "b.parquet")
    read = geopandas.read_parquet(tmp_path / "b.parquet")
    assert read["image"].tolist() == ["b.png", "b.png"]
    assert read.geometry.area.tolist() == [4, 1]
