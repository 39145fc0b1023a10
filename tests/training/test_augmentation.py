"""Augmentation: the same seed gives the same window, targets move with pixels, colours stay colours."""

import cv2
import numpy as np
import pytest

from nuseg.training.augmentation import (
    Augmentation,
    jitter_look,
    jitter_stain,
    measure_colours,
    random_patch,
    restain,
)
from nuseg.training.layers import Layers

STILL = Augmentation(flip=False, rotation=0, scale=(1, 1), elastic=0)


@pytest.fixture
def image() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.clip(rng.normal((200, 150, 190), 30, (96, 128, 3)), 0, 255).astype(np.uint8)


def of_labels(pixels: np.ndarray, labels: np.ndarray) -> Layers:
    return Layers(pixels, labels.astype(np.float32), np.stack([labels, 255 - labels], 2).astype(np.uint8))


def test_without_changes_a_window_is_a_piece_of_the_image(image):
    image = cv2.GaussianBlur(image, (0, 0), 4)  # on a smooth image the two ways of interpolating agree
    window, warped, _ = random_patch(of_labels(image, image[..., 1]), 64, 1.0, STILL, np.random.default_rng(3))
    assert window.shape == (64, 64, 3)
    assert warped.dtype == np.int32
    np.testing.assert_allclose(warped, window[..., 1], atol=1)


@pytest.mark.parametrize("seed", range(8))
def test_labels_and_maps_turn_scale_and_bend_with_the_pixels(seed):
    how = Augmentation(elastic_probability=1.0)
    ramp = np.repeat(np.linspace(0, 255, 128).astype(np.uint8)[None], 96, 0)
    layers = of_labels(np.dstack([ramp] * 3), ramp)
    window, warped, taught = random_patch(layers, 64, 0.8, how, np.random.default_rng(seed))
    np.testing.assert_allclose(warped, window[..., 0], atol=2)
    assert taught is not None
    np.testing.assert_allclose(taught.astype(int), np.stack([window[..., 0], 255 - window[..., 0]], 2), atol=2)


def test_zoom_magnifies():
    pixels = np.zeros((200, 200, 3), np.uint8)
    pattern = np.tile(np.arange(200) % 20 < 10, (200, 1)).astype(np.float32)
    for zoom in (0.5, 2.0):
        _, warped, _ = random_patch(Layers(pixels, pattern), 80, zoom, STILL, np.random.default_rng(1))
        crossings = np.count_nonzero(np.diff(warped[40]))
        assert crossings == pytest.approx(80 / (10 * zoom), abs=1.5)


def test_labels_keep_their_numbers():
    labels = np.full((64, 64), 123_457, np.float32)
    labels[20:40, 20:40] = 7
    layers = Layers(np.zeros((64, 64, 3), np.uint8), labels)
    _, warped, taught = random_patch(layers, 48, 1.0, Augmentation(), np.random.default_rng(0))
    assert set(np.unique(warped)) == {7, 123_457}
    assert taught is None


def test_same_seed_same_window(image):
    how = Augmentation()
    first, again, other = (
        jitter_look(random_patch(of_labels(image, image[..., 0]), 48, 1, how, rng).pixels, how, rng)
        for rng in map(np.random.default_rng, (5, 5, 6))
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_no_strength_changes_nothing(image):
    off = Augmentation(
        stain=0,
        stain_shift=0,
        brightness=0,
        contrast=0,
        blur_probability=0,
        noise_probability=0,
        jpeg_probability=0,
    )
    np.testing.assert_array_equal(jitter_look(image, off, np.random.default_rng(0)), image)
    np.testing.assert_allclose(jitter_stain(image, off, np.random.default_rng(0)).astype(int), image, atol=1)


def changed_alone(pixels: np.ndarray, **strengths: float) -> list[np.ndarray]:
    """The pixels as twenty chances change them by these alone."""
    off = dict.fromkeys(("stain", "stain_shift", "brightness", "contrast"), 0)
    off |= dict.fromkeys(("blur_probability", "noise_probability", "jpeg_probability"), 0)
    how = Augmentation(**{**off, **strengths})
    return [jitter_look(pixels, how, np.random.default_rng(seed)) for seed in range(20)]


def test_gamma_bends_the_range_both_ways_and_keeps_its_ends():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    curves = np.array([found[0, :, 0] for found in changed_alone(ramp, gamma=0.8)])
    assert (curves[:, 0] == 0).all()
    assert (curves[:, -1] == 255).all()
    assert (np.diff(curves.astype(int)) >= 0).all()
    exponents = np.log(curves[:, 128] / 255) / np.log(128 / 255)
    assert 1 / 1.8 - 0.01 < exponents.min() < 0.8
    assert 1.3 < exponents.max() < 1.81


def test_noise_and_jpeg_are_as_strong_as_they_may_be(purple):
    def lost(**strengths: float) -> float:
        return max(np.abs(found.astype(int) - purple).mean() for found in changed_alone(purple, **strengths))

    weak, strong = (lost(noise_probability=1, noise=noise) for noise in (0.04, 0.1))
    assert weak < 0.04 * 255 < strong < 0.1 * 255
    assert lost(jpeg_probability=1, jpeg_quality=90) < lost(jpeg_probability=1, jpeg_quality=10)


def test_stain_jitter_keeps_white_glass_white_without_shift():
    glass = np.full((8, 8, 3), 255, np.uint8)
    how = Augmentation(stain=0.5, stain_shift=0)
    np.testing.assert_array_equal(jitter_stain(glass, how, np.random.default_rng(0)), glass)


def test_stain_jitter_agrees_with_scikit_image():
    from skimage.color import hed2rgb, rgb2hed

    pixels = np.random.default_rng(4).integers(60, 200, (16, 16, 3), np.uint8)
    how = Augmentation(stain=0.1, stain_shift=0)
    factors = 1 + np.random.default_rng(9).uniform(-0.1, 0.1, 3)
    # scikit-image clips negative stains, so compare where there are none.
    stains = rgb2hed(pixels)
    positive = (stains > 1e-3).all(-1)
    expected = 255 * hed2rgb(stains * factors)
    found = jitter_stain(pixels, how, np.random.default_rng(9))
    assert positive.any()
    np.testing.assert_allclose(found[positive], expected[positive], atol=2)


@pytest.fixture
def purple() -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.clip(rng.normal((120, 60, 150), 15, (80, 90, 3)), 0, 255).astype(np.uint8)


def test_wholly_restained_tissue_has_the_colours_of_the_other(image, purple):
    own, other = measure_colours(image), measure_colours(purple)
    found = measure_colours(restain(image, own, other, 1.0))
    np.testing.assert_allclose(found[0], other[0], atol=0.02)
    np.testing.assert_allclose(found[1], other[1], rtol=0.15)


def test_restained_by_nothing_is_as_before(image, purple):
    same = restain(image, measure_colours(image), measure_colours(purple), 0.0)
    np.testing.assert_array_equal(same, np.maximum(image, 1))  # black has no finite density


def test_glass_is_not_measured_with_the_tissue(purple):
    glass = np.full_like(purple, 245)
    np.testing.assert_allclose(measure_colours(np.vstack([purple, glass])), measure_colours(purple), atol=1e-4)
    assert np.isfinite(measure_colours(glass)).all()
