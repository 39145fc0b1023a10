"""The way to the model's grid and back: no shift, whole nuclei."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label as connected_pieces

from nuseg.segmentation.image_grid import labels_to_image_grid, largest_pieces, map_to_image_grid, to_model_grid


def disc_on_grid(shape: tuple[int, int], side_um: float, centre_um: np.ndarray, radius_um: float) -> np.ndarray:
    """Label image of one disc, on a grid of `shape` over a square field of `side_um`."""
    y, x = ((np.arange(n) + 0.5) * side_um / n for n in shape)
    inside = (y[:, None] - centre_um[1]) ** 2 + (x[None, :] - centre_um[0]) ** 2 <= radius_um**2
    return inside.astype(np.int32)


def centre(labels: np.ndarray, side_um: float) -> np.ndarray:
    """Centroid x, y in um of all that is labelled."""
    y, x = np.nonzero(labels)
    return np.array([x.mean() + 0.5, y.mean() + 0.5]) * side_um / np.array(labels.shape[::-1])


@pytest.mark.parametrize("own", [50, 100, 131, 160, 199, 200, 202, 250, 400, 401, 500])
def test_no_shift_and_no_growth(own: int) -> None:
    """One disc after another in 50 um of tissue, at 0.25 um/px for the model and 0.1 to 1 um/px in the image."""
    rng = np.random.default_rng(own)
    shifts, growth = [], []
    for _ in range(40):
        where, radius = rng.uniform(15, 35, 2), rng.uniform(4, 9)
        model = disc_on_grid((200, 200), 50, where, radius)
        probability = map_to_image_grid(model.astype(np.float32), (own, own))
        back = labels_to_image_grid(model, probability >= 0.5)
        assert back.shape == (own, own)
        shifts.append(centre(back, 50) - centre(model, 50))
        growth.append((back > 0).mean() / model.mean())
    pixel = 50 / own
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.03 * pixel
    assert np.mean(growth) == pytest.approx(1, abs=0.03)


def test_half_resolution_by_hand() -> None:
    model = np.zeros((4, 6), np.int32)
    model[:, 1:4] = 1  # covers half of the first pixel, all of the second
    model[:, 4:] = 2
    nowhere, everywhere = np.zeros((2, 3), bool), np.ones((2, 3), bool)
    assert labels_to_image_grid(model, nowhere).tolist() == [[0, 1, 2]] * 2
    assert labels_to_image_grid(model, everywhere).tolist() == [[1, 1, 2]] * 2


def test_double_resolution_by_hand() -> None:
    model = np.array([[1, 0], [0, 2]], np.int32)
    back = labels_to_image_grid(model, np.zeros((4, 4), bool))
    assert back.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 2, 2], [0, 0, 2, 2]]


def test_same_grid_is_left_alone() -> None:
    labels = np.arange(12, dtype=np.int32).reshape(3, 4)
    assert labels_to_image_grid(labels, np.zeros((3, 4), bool)) is labels


@given(
    arrays(np.int32, st.tuples(st.integers(1, 16), st.integers(1, 16)), elements=st.integers(0, 3)),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.booleans(),
)
@settings(deadline=None, max_examples=50)
def test_nuclei_stay_whole_and_numbered(values: np.ndarray, shape: tuple[int, int], inside: bool) -> None:
    model = connected_pieces(values, connectivity=1).astype(np.int32)
    back = labels_to_image_grid(model, np.full(shape, inside))
    assert back.shape == shape
    if back.size <= model.size:
        numbers = np.unique(back[back > 0])
        assert numbers.tolist() == list(range(1, len(numbers) + 1))
        assert connected_pieces(back, connectivity=1).max() == len(numbers)


def test_largest_piece_of_each_label_stays() -> None:
    labels = np.array([[3, 0, 3, 3], [0, 0, 0, 7], [7, 7, 7, 0]], np.int32)
    assert largest_pieces(labels).tolist() == [[0, 0, 1, 1], [0, 0, 0, 0], [2, 2, 2, 0]]
    assert largest_pieces(np.zeros((2, 2), np.int32)).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("mpp", "side"), [(0.25, 100), (0.246, 100), (0.254, 100), (0.5, 200), (0.23, 92), (0.1, 40), (2.0, 800)]
)
def test_size_at_the_models_resolution(mpp: float, side: int) -> None:
    assert to_model_grid(np.zeros((100, 100, 3), np.uint8), mpp, 0.25).shape == (side, side, 3)


def test_one_pixel_stays_a_pixel() -> None:
    assert to_model_grid(np.full((1, 1, 3), 7, np.uint8), 0.1, 0.5).tolist() == [[[7, 7, 7]]]
