"""Ink, pigment and dirt: dark stains laid on a patch, so that a network learns that they are no nuclei."""

import cv2
import numpy as np

from nuseg.measure.stain import DENSITY_OF_VALUE
from nuseg.training.layers import Layers

LUMPS = (40.0, 120.0)  # px; how coarse stains are: seldom like a nucleus in size and shape
OCTAVES = ((1, 1.0), (3, 0.35))  # how many times finer, and how strong: ragged outlines
COVERED = (0.03, 0.2)  # share of the patch
NUCLEI = 0.43  # optical density of pale patches' nuclei, or more: stains are darker than the patch's own
DARKER = (0.17, 0.7)  # how much the mean optical density of stains exceeds that of dark nuclei
TINT = 0.25  # most by which a channel's density differs from the mean
GRAIN = 0.043  # deviation of the density from pixel to pixel
EDGE = (0.02, 0.6)  # how far the field rises from a stain's edge to its full density


def add_artefact(patch: Layers, rng: np.random.Generator) -> Layers:
    """Lay dark stains of random shape on a patch.

    They are where a smooth random field is highest: spots or large ones, all of one colour, with a sharp or a soft
    edge. But for their tint they are darker than nine tenths of what is nucleus in the patch: dark nuclei are no ink.

    Parameters
    ----------
    patch
        To lay them on.
    rng
        Source of all randomness.

    Returns
    -------
    Layers
        What a stain hides is background.
    """
    pixels, labels, taught = patch
    height, width = labels.shape
    lump, covered, edge = (np.exp(rng.uniform(*np.log(ends))) for ends in (LUMPS, COVERED, EDGE))
    field = sum(weight * smooth_field(height, width, lump / finer, rng) for finer, weight in OCTAVES)
    share = np.clip((field - np.quantile(field, 1 - covered)) / edge, 0, 1)
    dark = NUCLEI
    if labels.any():
        dark = max(dark, np.quantile(DENSITY_OF_VALUE[pixels[labels > 0]].mean(axis=1), 0.9))
    density = (dark + rng.uniform(*DARKER)) * (1 + rng.uniform(-TINT, TINT, 3))
    grain = rng.standard_normal((height, width, 1), np.float32) * GRAIN
    hidden = share[..., None]
    light = (pixels + 1.0) * (1 - hidden) + 256 * np.power(10.0, -density - grain) * hidden - 1
    inked = np.clip(np.rint(light), 0, 255).astype(np.uint8)
    covers = share > 0.5
    return Layers(
        np.where(hidden > 0, inked, pixels),
        np.where(covers, 0, labels),
        None if taught is None else np.where(covers[..., None], np.uint8(0), taught),
    )


def smooth_field(height: int, width: int, lump: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise `(height, width)` float32 of mean 0, with hills some `lump` px wide."""
    coarse = rng.standard_normal((int(height / lump) + 4, int(width / lump) + 4), np.float32)
    return cv2.resize(coarse, None, fx=lump, fy=lump, interpolation=cv2.INTER_CUBIC)[:height, :width]
