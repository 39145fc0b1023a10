"""Which file is compared with which, and how it is read."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import shapely
import tifffile

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.registry import annotation_formats
from nuseg.datasets.dataset import Item
from nuseg.datasets.names import Entry
from nuseg.errors import NusegError
from nuseg.evaluation.cases import (
    Cases,
    Predicted,
    dataset_cases,
    find_labels,
    folder_cases,
    model_cases,
    read_outlined,
)
from nuseg.io.image import write_png

LABELS = np.array([[1, 1, 0, 2], [0, 0, 0, 2]], np.uint16)
DOTS = np.array([[255, 0, 255, 0, 255]], np.uint8)


def write(folder: Path, *names: str) -> Path:
    for name in names:
        if name.endswith(".png"):
            write_png(folder / name, LABELS)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(folder / name, LABELS)
    return folder


def names(cases: Cases) -> list[str]:
    return [case.name for case in cases.cases]


@pytest.mark.parametrize(
    ("true", "pred"),
    [
        ("a.png", "a.png"),
        ("a.png", "a.tiff"),
        ("a.tif", "a_labels.png"),
        ("a.png", "a_mask.png"),
        ("a_label.png", "a_pred.png"),
        ("a.ome.tif", "a_cp_masks.png"),
        ("a_gt.png", "a_Prediction-labels.png"),
    ],
)
def test_endings_do_not_matter(tmp_path: Path, true: str, pred: str) -> None:
    cases = folder_cases(write(tmp_path / "true", true), write(tmp_path / "pred", pred))
    (case,) = cases.cases
    compared = case.read()
    assert compared.truth.tolist() == compared.prediction.tolist() == LABELS.tolist()
    assert compared.instance
    assert not compared.parted


def test_partners_that_are_missing(tmp_path: Path) -> None:
    cases = folder_cases(write(tmp_path / "t", "a.png", "b.png", "c.png"), write(tmp_path / "p", "b.png", "x_mask.png"))
    assert names(cases) == ["b"]
    assert cases.unpaired_truths == ("a", "c")
    assert cases.unpaired_predictions == ("x_mask.png",)


def test_an_exact_name_goes_before_a_shortened_one(tmp_path: Path) -> None:
    predictions = write(tmp_path / "p", "a.png", "a_mask.png")
    cases = folder_cases(write(tmp_path / "t", "a.png", "a_mask.png"), predictions)
    assert names(cases) == ["a", "a_mask"]
    assert not cases.unpaired_predictions


def test_results_of_segment_are_found_in_their_folder(tmp_path: Path) -> None:
    write(tmp_path / "out" / "labels", "a.tiff")
    write(tmp_path / "out" / "mask", "a.png")
    assert [file.name for file in find_labels(tmp_path / "out")] == ["a.tiff"]


@pytest.mark.parametrize(
    ("true", "pred", "message"),
    [
        (["a.png"], ["b.png"], "no prediction has the name .* expected a.png .* found b.png"),
        (["a.png"], ["a_mask.png", "a_labels.png"], "several predictions fit a "),
        (["a_gt.png", "a_true.png"], ["a.png"], "a.png: fits several true label images"),
        (["a.png", "a.tif"], ["a.png"], "a.png and a.tif have the same name"),
        (["a.png"], [], "no label images found"),
    ],
    ids=["none", "two predictions", "two truths", "twins", "empty"],
)
def test_what_cannot_be_paired(tmp_path: Path, true: list[str], pred: list[str], message: str) -> None:
    (tmp_path / "p").mkdir()
    write(tmp_path / "t", *true)
    write(tmp_path / "p", *pred)
    with pytest.raises(NusegError, match=message):
        folder_cases(tmp_path / "t", tmp_path / "p")


def test_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(NusegError, match="no such folder"):
        find_labels(tmp_path / "missing")


def test_masks_are_taken_apart(tmp_path: Path) -> None:
    write_png(tmp_path / "dots.png", DOTS)
    read = read_outlined(Entry(tmp_path / "dots.png"), (1, 5))
    labels, parted = read.label_image((1, 5)), not read.instance
    assert parted
    assert labels.tolist() == [[1, 0, 2, 0, 3]]


def test_a_lossy_file_is_a_mask(tmp_path: Path) -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[4:16, 4:16] = mask[24:36, 24:36] = 255
    cv2.imwrite(str(tmp_path / "a.jpg"), mask)
    read = read_outlined(Entry(tmp_path / "a.jpg"), (40, 40))
    labels, parted = read.label_image((40, 40)), not read.instance
    assert parted
    assert labels.max() == 2


def test_numbers_stay_as_stored(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", LABELS * 300)
    read = read_outlined(Entry(tmp_path / "a.png"), (2, 4))
    labels, parted = read.label_image((2, 4)), not read.instance
    assert not parted
    assert labels.max() == 600


def test_truth_that_is_a_mask_tells_nothing_of_nuclei(tmp_path: Path) -> None:
    write_png(tmp_path / "t" / "a.png", DOTS)
    write_png(tmp_path / "p" / "a.png", (DOTS > 0) * np.arange(1, 6, dtype=np.uint8))
    compared = folder_cases(tmp_path / "t", tmp_path / "p").cases[0].read()
    assert (compared.instance, compared.parted) == (False, False)


def test_polygons_are_drawn_at_the_size_of_their_partner(tmp_path: Path) -> None:
    polygons = Annotation(polygons=(shapely.box(0, 0, 2, 1), shapely.box(3, 0, 4, 2)))
    for folder in ("p", "q"):
        annotation_formats["geojson"].write(polygons, tmp_path / folder / "a.geojson")
    write(tmp_path / "t", "a.png")
    for true, pred in (("t", "p"), ("p", "t")):
        compared = folder_cases(tmp_path / true, tmp_path / pred).cases[0].read()
        assert compared.truth.tolist() == compared.prediction.tolist() == LABELS.tolist()
        assert compared.instance
        assert not compared.parted
    with pytest.raises(NusegError, match="polygons without the size of the image"):
        folder_cases(tmp_path / "p", tmp_path / "q").cases[0].read()


def test_a_stray_file_beside_label_images_does_not_matter(tmp_path: Path) -> None:
    write(tmp_path / "t", "a.png")
    (tmp_path / "t" / "a.geojson").write_text("{}")
    assert [entry.name for entry in find_labels(tmp_path / "t")] == ["a.png"]


def test_folders_of_masks_are_the_last_choice(tmp_path: Path) -> None:
    for number in (1, 2):
        write_png(tmp_path / "t" / "a" / f"{number}.png", (number == LABELS).astype(np.uint8))
    write(tmp_path / "p", "a.png")
    compared = folder_cases(tmp_path / "t", tmp_path / "p").cases[0].read()
    assert compared.truth.tolist() == LABELS.tolist()
    write(tmp_path / "t" / "labels", "b.png")
    assert [entry.name for entry in find_labels(tmp_path / "t")] == ["b.png"]


@pytest.fixture
def item(tmp_path: Path) -> Item:
    write_png(tmp_path / "d" / "images" / "a.png", np.full((2, 4, 3), 200, np.uint8))
    write(tmp_path / "d" / "labels", "a.png")
    folder = tmp_path / "d"
    return Item("a", folder / "images" / "a.png", folder / "labels" / "a.png", 0.5, "test", "a", 2)


def test_model_gets_pixels_and_resolution(item: Item) -> None:
    seen = []

    def predict(pixels: np.ndarray, mpp: float) -> Predicted:
        seen.append((pixels.shape, mpp))
        return Predicted(np.zeros(pixels.shape[:2], np.int32), np.zeros(0))

    cases = model_cases([item], False, predict)
    assert not seen, "nothing runs before it is read"
    compared = cases.cases[0].read()
    assert seen == [((2, 4, 3), 0.5)]
    assert compared.truth.tolist() == LABELS.tolist()
    assert not compared.instance


def test_dataset_against_files(item: Item, tmp_path: Path) -> None:
    cases = dataset_cases([item], True, write(tmp_path / "p", "a_pred.tif"))
    compared = cases.cases[0].read()
    assert compared.pixels is not None
    assert compared.prediction.tolist() == LABELS.tolist()


def test_dataset_against_polygons(item: Item, tmp_path: Path) -> None:
    polygons = Annotation(polygons=(shapely.box(0, 0, 2, 1), shapely.box(3, 0, 4, 2)))
    annotation_formats["geojson"].write(polygons, tmp_path / "p" / "a.geojson")
    assert dataset_cases([item], True, tmp_path / "p").cases[0].read().prediction.tolist() == LABELS.tolist()
