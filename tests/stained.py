"""Pixels of known stains: as a slide would have them, without noise."""

import numpy as np

from nuseg.measure.stain import STAINS, value_of_density

USUAL = STAINS[:2]
OTHER = np.array([[0.56, 0.72, 0.41], [0.22, 0.80, 0.56]])
OTHER /= np.linalg.norm(OTHER, axis=1, keepdims=True)


def amounts_of(count: int, seed: int = 0, strength: tuple[float, float] = (0.9, 0.5)) -> np.ndarray:
    """Amounts of two stains `(count, 2)`: pixels of much of one, of the other, and of all mixtures."""
    rng = np.random.default_rng(seed)
    share = rng.choice([0.0, 1.0, 0.5], count, p=[0.3, 0.3, 0.4])
    share = np.where(share == 0.5, rng.uniform(0, 1, count), share)
    much = rng.uniform(0.35, 1, count)
    return np.stack([share * much * strength[0], (1 - share) * much * strength[1]], axis=1)


def pixels_of(
    amounts: np.ndarray, vectors: np.ndarray = USUAL, white: tuple[float, ...] = (255, 255, 255)
) -> np.ndarray:
    """Pixels `(..., 3)` uint8 of amounts `(..., 2)` of stains, seen through a glass of some colour."""
    density = amounts @ vectors - np.log10(np.array(white) / 255)
    return value_of_density(density)


def field(
    height: int, width: int, vectors: np.ndarray = USUAL, white: tuple[float, ...] = (255, 255, 255), glass: float = 0.3
) -> np.ndarray:
    """A field `(height, width, 3)` uint8 of stained pixels, and on its right a share of glass."""
    amounts = amounts_of(height * width).reshape(height, width, 2)
    amounts[:, width - round(width * glass) :] = 0
    return pixels_of(amounts, vectors, white)


def degrees(first: np.ndarray, second: np.ndarray) -> float:
    """Angle between two directions."""
    cosine = np.dot(first, second) / np.linalg.norm(first) / np.linalg.norm(second)
    return float(np.degrees(np.arccos(min(cosine, 1))))
