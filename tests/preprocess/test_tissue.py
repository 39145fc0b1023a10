"""Tissue against glass, pen, fat, dust."""

import cv2
import numpy as np
import pytest

from nuseg.datasets.synthetic import synthetic_field
from nuseg.preprocess.tissue import MIN_DENSITY, tissue_density, tissue_mask

MPP = 8.0
PENS = {"black": (20, 20, 25), "blue": (40, 60, 160), "green": (30, 120, 60)}


def slide(glass: int = 243) -> tuple[np.ndarray, np.ndarray]:
    """A round section, 2.4 mm wide, on tinted glass: picture and truth at 8 um/px."""
    rng = np.random.default_rng(0)
    field, _ = synthetic_field(800, 800, seed=1, mpp=1.0, nuclei_per_mm2=3000)
    colours = cv2.resize(field, (300, 300), interpolation=cv2.INTER_AREA)
    inside = np.zeros((400, 500), bool)
    y, x = np.mgrid[:400, :500]
    inside[(y - 200) ** 2 + (x - 200) ** 2 < 150**2] = True
    pixels = np.full((400, 500, 3), glass, np.uint8)
    pixels[50:350, 50:350][inside[50:350, 50:350]] = colours[inside[50:350, 50:350]]
    noise = rng.normal(0, 1.5, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8), inside


def agreement(found: np.ndarray, inside: np.ndarray) -> float:
    return (found & inside).sum() / (found | inside).sum()


@pytest.mark.parametrize("glass", [225, 243, 255])
def test_tissue_is_found(glass: int) -> None:
    pixels, inside = slide(glass)
    assert agreement(tissue_mask(pixels, MPP), inside) > 0.95


@pytest.mark.parametrize("pen", PENS)
def test_pen_is_left_out(pen: str) -> None:
    pixels, inside = slide()
    cv2.line(pixels, (420, 20), (450, 380), PENS[pen], 25)
    found = tissue_mask(pixels, MPP)
    assert agreement(found, inside) > 0.93
    assert not found[:, 400:].any()


@pytest.mark.parametrize("value", [255, 235, 200])
def test_glass_alone(value: int) -> None:
    noise = np.random.default_rng(0).normal(value, 1, (300, 300, 3))
    assert not tissue_mask(np.clip(noise, 0, 255).astype(np.uint8), MPP).any()


def test_tissue_alone() -> None:
    pixels, _ = slide()
    assert tissue_mask(pixels[120:280, 120:280], MPP).mean() > 0.95


def test_specks_and_holes() -> None:
    pixels, _ = slide()
    pixels[190:200, 190:200] = 243  # a vessel of 80 um
    pixels[380:384, 480:484] = (200, 60, 140)  # dirt of 32 um
    found = tissue_mask(pixels, MPP)
    assert found[195, 195]
    assert not found[370:, 470:].any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (3, 2)])
def test_tiny(shape: tuple[int, int]) -> None:
    assert tissue_mask(np.full((*shape, 3), 255, np.uint8), MPP).shape == shape


def test_tissue_is_denser_than_its_glass() -> None:
    mask = np.zeros((40, 50), bool)
    mask[:, :20] = True
    pixels = np.full((40, 50, 3), (200, 90, 160), np.uint8)
    for value in (255, 245, 225, 200):
        pixels[:, 20:] = value
        pixels[:3, 20:] = 30  # dirt
        own = -np.log10(value / 255)
        assert tissue_density(pixels, mask) == pytest.approx(max(MIN_DENSITY, own + 0.02), abs=1e-4)


def test_what_was_not_scanned_is_no_glass() -> None:
    mask = np.zeros((40, 50), bool)
    pixels = np.full((40, 50, 3), 255, np.uint8)
    pixels[:, 30:] = 220
    assert tissue_density(pixels, mask) == pytest.approx(-np.log10(220 / 255) + 0.02, abs=1e-4)


@pytest.mark.parametrize("share", [0, 0.1])
def test_the_rim_of_tissue_on_pure_white_is_no_glass(share: float) -> None:
    pixels = np.full((40, 50, 3), 255, np.uint8)
    pixels[:, : int(50 * share)] = 190
    assert tissue_density(pixels, np.zeros((40, 50), bool)) == MIN_DENSITY


def test_without_glass_there_is_a_density_all_the_same() -> None:
    assert tissue_density(np.full((4, 5, 3), 190, np.uint8), np.ones((4, 5), bool)) == MIN_DENSITY
