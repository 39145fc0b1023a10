"""Smooth random textures, the raw material of tissue."""

import math

import cv2
import numpy as np

from nuseg.types import Floats


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> Floats:
    """Draw Gaussian noise that varies over about `scale` pixels.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (height, width)
    scale : float
        Distance between independent values (px); at least 1.

    Returns
    -------
    (h, w) float32
        Mean 0, standard deviation about 1.
    """
    scale = max(scale, 1.0)
    knots = math.ceil(math.hypot(*shape) / scale) + 4
    values = rng.standard_normal((knots, knots), dtype=np.float32)
    # Turned and shifted at random, so that the lattice of the knots shows in no two textures alike.
    turn, middle = rng.uniform(0, 2 * np.pi), (knots - 1) / 2
    cos, sin = math.cos(turn) / scale, math.sin(turn) / scale
    at_y, at_x = middle + rng.uniform(-0.5, 0.5, 2)
    centre_y, centre_x = (shape[0] - 1) / 2, (shape[1] - 1) / 2
    matrix = np.array(
        [
            [cos, -sin, at_x - cos * centre_x + sin * centre_y],
            [sin, cos, at_y - sin * centre_x - cos * centre_y],
        ]
    )
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    noise = cv2.warpAffine(values, matrix, (shape[1], shape[0]), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return noise * np.float32(1.3)  # interpolation between knots averages


def stretch_along(texture: Floats, angle: Floats, length: float) -> Floats:
    """Smear a texture along a field of directions, which makes fibres of it.

    Line integral convolution (Cabral & Leedom, SIGGRAPH 1993) by doubling: each pass averages two copies moved
    apart along the direction, twice as far as the pass before.

    Parameters
    ----------
    texture : (h, w) float32
    angle : (h, w) float32
        Direction at each pixel (radians).
    length : float
        Length of the fibres (px).

    Returns
    -------
    (h, w) float32
        Standard deviation about 1 for white noise of standard deviation 1.
    """
    y, x = np.mgrid[: texture.shape[0], : texture.shape[1]].astype(np.float32)
    along_x, along_y = np.cos(angle), np.sin(angle)
    half, passes = 0.5, 0
    while half < length / 2:
        step_x, step_y = np.float32(half) * along_x, np.float32(half) * along_y
        forward, back = (
            cv2.remap(texture, x + sign * step_x, y + sign * step_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
            for sign in (1, -1)
        )
        texture = (forward + back) * np.float32(math.sqrt(0.5))
        half, passes = half * 2, passes + 1
    return texture
