"""How much haematoxylin and eosin a pixel holds: colour deconvolution.

Source: Ruifrok & Johnston, "Quantification of histochemical staining by color deconvolution", Analytical and
Quantitative Cytology and Histology 23 (2001).
"""

import cv2
import numpy as np

from nuseg.types import RGB, Floats

HAEMATOXYLIN = np.array([0.65, 0.70, 0.29])
EOSIN = np.array([0.07, 0.99, 0.11])


def stain_matrix(haematoxylin: np.ndarray = HAEMATOXYLIN, eosin: np.ndarray = EOSIN) -> np.ndarray:
    """Build the `(3, 3)` matrix whose rows are the unit optical density (R, G, B) of the stains.

    The third row, the residual, is at right angles to both stains: what neither explains. Haematoxylin
    and eosin amounts are therefore the least-squares fit of the two stains.
    """
    rows = np.stack([haematoxylin, eosin, np.cross(haematoxylin, eosin)])
    unit: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


STAINS = stain_matrix()
UNMIX = np.linalg.inv(STAINS)
# A black pixel counts as 1: 0 has no finite density.
DENSITY_OF_VALUE = -np.log10(np.maximum(np.arange(256), 1) / 255).astype(np.float32)


def optical_density(pixels: np.ndarray) -> np.ndarray:
    """Optical density (absorbance) of each channel: `-log10(value / 255)`, 0 for white, 2.41 for black.

    Parameters
    ----------
    pixels : (h, w, 3) uint8
        RGB image on a white background of 255.

    Returns
    -------
    (h, w, 3) float32
    """
    return cv2.LUT(pixels, DENSITY_OF_VALUE)


def value_of_density(density: Floats) -> RGB:
    """Pixel values 0..255, uint8, of optical densities of any shape: the way back from `optical_density`."""
    values = np.clip(np.rint(255 * np.power(10.0, -density)), 0, 255)
    return np.asarray(values, np.uint8)


def separate_stains(pixels: np.ndarray) -> np.ndarray:
    """Separate an H&E image into its stains.

    Parameters
    ----------
    pixels : (h, w, 3) uint8
        RGB image.

    Returns
    -------
    (h, w, 3) float32
        Optical density of haematoxylin, eosin and the residual. Noise and other dyes can make it negative.
        `separate_stains(pixels) @ STAINS` is the image's optical density again.
    """
    return cv2.transform(optical_density(pixels), UNMIX.T.astype(np.float32))
