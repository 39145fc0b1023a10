"""Outlines drawn on any grid: the label image they came from, no shift, no growth, every pixel one nucleus."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import binary_fill_holes
from skimage.draw import polygon2mask
from skimage.measure import label as connected_components

from nuseg.measure.outline import outlines
from nuseg.measure.rasterise import draw_labels

SIDE_UM = 50.0
MODEL_SIDE = 200  # px: 0.25 um/px
OWN_SIDES = [50, 100, 131, 160, 199, 200, 202, 250, 400, 401, 500]


def drawn(polygons: list[np.ndarray], shape: tuple[int, int], origin: tuple[int, int] = (0, 0)) -> np.ndarray:
    """Draw polygons, numbered from 1."""
    return draw_labels(polygons, np.arange(1, len(polygons) + 1), shape, origin)


def disc(centre_um: np.ndarray, radius_um: float) -> np.ndarray:
    """Label image of one disc on the model's grid, over a square of `SIDE_UM`."""
    place = (np.arange(MODEL_SIDE) + 0.5) * SIDE_UM / MODEL_SIDE
    inside = (place[:, None] - centre_um[1]) ** 2 + (place[None, :] - centre_um[0]) ** 2 <= radius_um**2
    return inside.astype(np.int32)


def centre(labels: np.ndarray) -> np.ndarray:
    """Centroid x, y in um of all that is labelled."""
    y, x = np.nonzero(labels)
    return np.array([x.mean() + 0.5, y.mean() + 0.5]) * SIDE_UM / np.array(labels.shape[::-1])


def stars(seed: int, count: int, size: float = 60.0) -> list[np.ndarray]:
    """Star-shaped polygons with random corners, some across the edge of a field of 0..`size`."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 12)))
        radii = rng.uniform(0.2, 1, len(angles)) * rng.uniform(1, size / 3)
        ring = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None] + rng.uniform(0, size, 2)
        found.append(ring[:: rng.choice([-1, 1])])
    return found


@given(arrays(np.int32, st.tuples(st.integers(1, 16), st.integers(1, 16)), elements=st.integers(0, 3)))
@settings(deadline=None, max_examples=100)
def test_on_their_own_grid_outlines_give_the_label_image_back(values: np.ndarray) -> None:
    """Nuclei have no holes; whatever else touches, also by corners, comes back pixel by pixel."""
    labels = connected_components(values, connectivity=1).astype(np.int32)
    for number in range(1, labels.max() + 1):
        if (binary_fill_holes(labels == number, np.ones((3, 3))) != (labels == number)).any():
            labels[labels == number] = 0
    labels = connected_components(labels, connectivity=1).astype(np.int32)
    assert np.array_equal(drawn(outlines(labels), labels.shape), labels)


@pytest.mark.parametrize("own", OWN_SIDES)
def test_no_shift_and_no_growth(own: int) -> None:
    """One disc after another in 50 um of tissue, at 0.25 um/px for the model and 0.1 to 1 um/px in the image."""
    rng = np.random.default_rng(own)
    shifts, growth = [], []
    for _ in range(40):
        model = disc(rng.uniform(15, 35, 2), rng.uniform(4, 9))
        back = drawn([ring * (own / MODEL_SIDE) for ring in outlines(model)], (own, own))
        assert back.shape == (own, own)
        shifts.append(centre(back) - centre(model))
        growth.append((back > 0).mean() / model.mean())
    pixel = SIDE_UM / own
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.03 * pixel
    assert np.mean(growth) == pytest.approx(1, abs=0.03)


def test_half_resolution_by_hand() -> None:
    """Centres on a border belong to the polygon in every second row and column: as many gain a pixel as lose one."""
    square = np.array([[0.5, 0], [0.5, 2], [2.5, 2], [2.5, 0]])  # from a centre to a centre
    right = np.array([[2.5, 0], [2.5, 2], [4, 2], [4, 0]])
    assert drawn([square, right], (2, 4)).tolist() == [[0, 1, 1, 2]] * 2
    moved = drawn([ring + np.array([1, 0]) for ring in (square, right)], (2, 5))
    assert moved.tolist() == [[0, 1, 1, 2, 2]] * 2
    assert sorted(np.bincount(moved.ravel())) == [2, 4, 4]


def test_triple_resolution_by_hand() -> None:
    """An outline cuts the corners of its nucleus by half a pixel."""
    polygons = [3 * ring for ring in outlines(np.array([[1, 0], [0, 2]], np.int32))]
    cross = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    assert np.array_equal(drawn(polygons, (6, 6)), np.kron([[1, 0], [0, 2]], cross))


@given(
    arrays(np.int32, st.tuples(st.integers(1, 16), st.integers(1, 16)), elements=st.integers(0, 3)),
    st.sampled_from([1, 3, 5]),
)
@settings(deadline=None, max_examples=50)
def test_on_a_finer_grid_the_centres_of_the_old_pixels_keep_their_nucleus(values: np.ndarray, factor: int) -> None:
    model = binary_fill_holes(values > 0, np.ones((3, 3))).astype(np.int32)
    model = connected_components(model, connectivity=1).astype(np.int32)
    back = drawn([factor * ring for ring in outlines(model)], (model.shape[0] * factor, model.shape[1] * factor))
    assert np.array_equal(back[factor // 2 :: factor, factor // 2 :: factor], model)
    for number in range(1, back.max() + 1):
        assert connected_components(back == number, connectivity=1).max() == 1


@given(
    seed=st.integers(0, 10_000), scale=st.floats(0.15, 6) | st.sampled_from([0.25, 0.5, 2.0, 4.0]), turn=st.booleans()
)
@settings(deadline=None, max_examples=60)
def test_nuclei_that_touch_share_all_pixels_between_them(seed: int, scale: float, turn: bool) -> None:
    """Stripes, away from their cut corners: no pixel is lost on a common border, none is given twice."""
    widths = np.random.default_rng(seed).integers(1, 9, 6)
    labels = np.repeat(np.arange(1, 7, dtype=np.int32), widths)[None].repeat(20, axis=0)
    polygons = [ring * scale for ring in outlines(labels.T if turn else labels)]
    height, width = 20, int(widths.sum())
    shape = int(height * scale), int(width * scale)
    away = [row for row in range(shape[0]) if 0.5 * scale < row + 0.499 and row + 0.501 < (height - 0.5) * scale]
    times = np.zeros(shape, int)
    for polygon in polygons:
        alone = draw_labels([polygon], np.array([1]), shape[::-1] if turn else shape)
        times += alone.T if turn else alone
    assert (times[away] == 1).all()
    assert times.max(initial=0) <= 1


@given(seed=st.integers(0, 100_000))
@settings(deadline=None, max_examples=60)
def test_against_shapely_and_skimage(seed: int) -> None:
    """A pixel belongs to the polygon that its centre lies in; random corners have no ties."""
    (ring,) = stars(seed, 1)
    found = drawn([ring], (60, 64)) > 0
    x, y = np.meshgrid(np.arange(64) + 0.5, np.arange(60) + 0.5)
    assert np.array_equal(found, shapely.contains_xy(shapely.Polygon(ring), x, y))
    assert np.array_equal(found, polygon2mask((60, 64), ring[:, ::-1] - 0.5))


@given(seed=st.integers(0, 100_000), x=st.integers(-20, 70), y=st.integers(-20, 70))
@settings(deadline=None, max_examples=60)
def test_a_window_is_a_part_of_the_whole(seed: int, x: int, y: int) -> None:
    polygons = [np.round(ring * 2) / 2 if seed % 2 else ring for ring in stars(seed, 12)]  # with ties, and without
    whole = drawn(polygons, (130, 130), (-30, -30))
    assert np.array_equal(drawn(polygons, (9, 13), (x, y)), whole[y + 30 : y + 39, x + 30 : x + 43])


@given(seed=st.integers(0, 100_000))
@settings(deadline=None, max_examples=40)
def test_where_polygons_overlap_the_smaller_is_on_top(seed: int) -> None:
    polygons = stars(seed, 15)
    numbers = np.random.default_rng(seed).permutation(1000)[:15].astype(np.int32) + 1
    shape = (60, 60)
    expected = np.zeros(shape, np.int32)
    order = np.argsort([-shapely.Polygon(ring).area for ring in polygons])
    for number in order:
        expected[draw_labels([polygons[number]], np.array([1]), shape) > 0] = numbers[number]
    assert np.array_equal(draw_labels(polygons, numbers, shape), expected)
    again = np.random.default_rng(seed + 1).permutation(15)
    assert np.array_equal(draw_labels([polygons[i] for i in again], numbers[again], shape), expected)


def test_nothing_to_draw() -> None:
    nothing = draw_labels([], np.zeros(0, np.int32), (3, 4))
    assert (nothing.shape, nothing.dtype, nothing.any()) == ((3, 4), np.int32, False)
    between = np.array([[0.6, 0.6], [0.6, 0.9], [0.9, 0.9], [0.9, 0.6]])
    assert not drawn([between, between + 50], (4, 4)).any()


@pytest.mark.parametrize("factor", [0.25, 0.3, 0.4, 0.5, 0.7, 1.3, 1.7, 2.0, 2.5, 3.0])
def test_the_area_of_hundreds_of_nuclei_is_that_of_their_outlines(factor: float) -> None:
    """Neither rows, columns nor ties favour one side."""
    rng = np.random.default_rng(0)
    step, labels = 40, np.zeros((800, 800), np.int32)
    y, x = np.mgrid[:800, :800] + 0.5
    for number, corner in enumerate(np.ndindex(20, 20), 1):
        (row, column), radius = np.array(corner) * step + 20 + rng.uniform(-7, 7, 2), rng.uniform(6, 12)
        labels[(y - row) ** 2 + (x - column) ** 2 <= radius**2] = number
    polygons = [ring * factor for ring in outlines(labels)]
    side = round(800 * factor)
    drawn_area = (drawn(polygons, (side, side)) > 0).sum()
    assert drawn_area == pytest.approx(sum(shapely.Polygon(ring).area for ring in polygons), rel=0.01)
