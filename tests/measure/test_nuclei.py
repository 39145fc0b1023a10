"""The table of nuclei against scikit-image's region properties."""

import numpy as np
import pandas as pd
import pytest
from skimage.measure import label as connected
from skimage.measure import label as connected_pieces
from skimage.measure import regionprops_table

from nuseg.measure.nuclei import COLUMNS, measure_nuclei
from nuseg.measure.stain import separate_stains


@pytest.fixture(scope="module")
def field() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blobs of all shapes, some cut by the border, on noise."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:200, :240]
    values = np.zeros((200, 240), np.int32)
    for number in range(1, 60):
        cy, cx, a, b, angle = rng.uniform((0, 0, 3, 3, 0), (200, 240, 14, 9, np.pi))
        u = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
        v = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
        values[(u / a) ** 2 + (v / b) ** 2 <= 1] = number
    labels = connected_pieces(values, connectivity=1)
    return labels, rng.integers(0, 256, (200, 240, 3), np.uint8), rng.random((200, 240), np.float32)


@pytest.fixture(scope="module")
def table(field: tuple[np.ndarray, np.ndarray, np.ndarray]) -> pd.DataFrame:
    return measure_nuclei(*field, mpp=0.5)


@pytest.fixture(scope="module")
def expected(field: tuple[np.ndarray, np.ndarray, np.ndarray]) -> pd.DataFrame:
    labels, _, probability = field
    names = ["label", "area", "centroid", "eccentricity", "solidity", "mean_intensity"]
    names += ["axis_major_length", "axis_minor_length", "equivalent_diameter_area", "perimeter_crofton"]
    return pd.DataFrame(regionprops_table(labels, probability, properties=names))


@pytest.mark.parametrize(
    ("column", "theirs", "factor", "offset"),
    [
        ("id", "label", 1, 0),
        ("area_px", "area", 1, 0),
        ("area_um2", "area", 0.25, 0),
        (
            "x_px",
            "centroid-1",
            1,
            0.5,
        ),  # theirs counts from the centre of a pixel
        ("y_px", "centroid-0", 1, 0.5),
        ("x_um", "centroid-1", 0.5, 0.25),
        ("y_um", "centroid-0", 0.5, 0.25),
        ("diameter_um", "equivalent_diameter_area", 0.5, 0),
        ("major_axis_um", "axis_major_length", 0.5, 0),
        ("minor_axis_um", "axis_minor_length", 0.5, 0),
        ("perimeter_um", "perimeter_crofton", 0.5, 0),
        ("eccentricity", "eccentricity", 1, 0),
        ("solidity", "solidity", 1, 0),
        ("probability", "mean_intensity", 1, 0),
    ],
)
def test_equals_scikit_image(
    table: pd.DataFrame, expected: pd.DataFrame, column: str, theirs: str, factor: float, offset: float
) -> None:
    ours = table[column].to_numpy()
    assert ours == pytest.approx(expected[theirs].to_numpy() * factor + offset, rel=1e-6, abs=1e-6)


def test_mean_stains_are_those_of_the_pixels(
    field: tuple[np.ndarray, np.ndarray, np.ndarray], table: pd.DataFrame
) -> None:
    labels, image, _ = field
    stains = separate_stains(image)
    means = np.array([stains[labels == number].mean(axis=0) for number in table["id"]])
    assert table[["haematoxylin_od", "eosin_od"]].to_numpy() == pytest.approx(means[:, :2], abs=1e-4)


def test_single_pixel() -> None:
    labels = np.zeros((3, 3), np.int32)
    labels[0, 2] = 1
    white = np.full((3, 3, 3), 255, np.uint8)
    row = measure_nuclei(labels, white, np.ones((3, 3), np.float32), 0.25).iloc[0]
    assert (row["x_px"], row["y_px"]) == (2.5, 0.5)
    assert (row["area_px"], row["area_um2"]) == (1, 0.0625)
    assert (row["major_axis_um"], row["minor_axis_um"], row["eccentricity"], row["solidity"]) == (0, 0, 0, 1)
    assert (row["haematoxylin_od"], row["eosin_od"], row["probability"]) == (0, 0, 1)


def test_no_nuclei() -> None:
    table = measure_nuclei(np.zeros((2, 3), np.int32), np.zeros((2, 3, 3), np.uint8), np.zeros((2, 3)), 0.25)
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == 0


def test_lengths_scale_with_the_resolution(
    field: tuple[np.ndarray, np.ndarray, np.ndarray], table: pd.DataFrame
) -> None:
    fine = measure_nuclei(*field, mpp=0.25)
    for column in COLUMNS:
        power = 2 if column.endswith("_um2") else 1 if column.endswith("_um") else 0
        assert table[column].to_numpy() == pytest.approx(fine[column].to_numpy() * 2**power), column


def test_measures_do_not_depend_on_the_place_to_the_last_bit() -> None:
    rng = np.random.default_rng(3)
    labels = np.zeros((30, 40), np.int32)
    labels[4:21, 5:19] = rng.random((17, 14)) < 0.9
    labels[4:21, 10] = 1
    pieces = connected(labels, connectivity=1)
    labels = (pieces == np.bincount(pieces[pieces > 0]).argmax()).astype(np.int32)
    pixels, probability = rng.integers(0, 256, (30, 40, 3), np.uint8), rng.random((30, 40), np.float32)
    alone = measure_nuclei(labels, pixels, probability, 0.26, origin=(1001, 70_003))
    wide = [np.pad(array, ((7, 3), (11, 2), (0, 0))[: array.ndim]) for array in (labels, pixels, probability)]
    wide[0][0, 0] = 2  # another nucleus
    among = measure_nuclei(wide[0], wide[1], wide[2], 0.26, origin=(1001 - 7, 70_003 - 11)).iloc[:1]
    assert alone.equals(among)
