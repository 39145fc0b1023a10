"""Augmentation for H&E: random patches of an image and its labels, changed as scanners, stains and tissue vary."""

import math
from typing import Annotated

import cv2
import numpy as np
from pydantic import Field
from skimage.color.colorconv import hed_from_rgb as HED_FROM_RGB
from skimage.color.colorconv import rgb_from_hed as RGB_FROM_HED

from nuseg.measure.stain import DENSITY_OF_VALUE, value_of_density
from nuseg.strict import Strict
from nuseg.training.layers import Layers

Factor = Annotated[float, Field(ge=0.05, le=20)]


class Augmentation(Strict):
    """How strongly training patches are changed. Every probability is per patch."""

    flip: bool = Field(True, description="mirror and turn by 90 degrees at random")
    rotation: float = Field(180.0, ge=0, le=180, description="turn by up to this many degrees")
    scale: tuple[Factor, Factor] = Field((0.6, 1.4), description="magnify by a factor in this range")
    elastic: float = Field(4.0, ge=0, le=100, description="elastic deformation: largest shift (px); 0 = none")
    elastic_probability: float = Field(0.5, ge=0, le=1, description="probability of elastic deformation")
    crowd_probability: float = Field(
        0.3, ge=0, le=1, description="probability of copy-paste: nuclei pasted among the others"
    )
    ink_probability: float = Field(
        0.0, ge=0, le=1, description="probability of artefacts: stains of ink, pigment or dirt"
    )
    stain: float = Field(0.2, ge=0, le=10, description="stain jitter: factor 1 +- this on each stain's optical density")
    stain_shift: float = Field(0.03, ge=0, le=10, description="stain jitter: shift of each stain's optical density")
    restain_probability: float = Field(
        0.5, ge=0, le=1, description="probability of colours drawn towards those of another training image"
    )
    brightness: float = Field(0.1, ge=0, le=10, description="brightness shift, +- this share of the range")
    contrast: float = Field(0.15, ge=0, le=10, description="contrast factor 1 +- this")
    gamma: float = Field(0.0, ge=0, le=10, description="gamma between 1 / (1 + this) and 1 + this; 0 = as it is")
    blur_probability: float = Field(0.2, ge=0, le=1, description="probability of Gaussian blur, sigma up to 1.5 px")
    noise_probability: float = Field(0.2, ge=0, le=1, description="probability of Gaussian noise")
    noise: float = Field(0.04, ge=0, le=1, description="its largest standard deviation, as a share of the range")
    jpeg_probability: float = Field(0.2, ge=0, le=1, description="probability of JPEG compression")
    jpeg_quality: int = Field(40, ge=1, le=95, description="its least quality; the largest is 95")


def random_patch(image: Layers, size: int, zoom: float, how: Augmentation, rng: np.random.Generator) -> Layers:
    """Cut a randomly turned, scaled and bent patch out of an image, in one interpolation.

    Parameters
    ----------
    image
        Its labels are float32: what OpenCV can warp; numbers below 0 are kept as they are.
    size
        Side of the patch (px).
    zoom
        Magnification that brings the image to the model's resolution.
    how
        Ranges of the random changes.
    rng
        Source of all randomness.

    Returns
    -------
    Layers
        Of `size` x `size` px, with int32 labels. Beyond the image's edge all are mirrored.
    """
    height, width = image.pixels.shape[:2]
    factor = zoom * np.exp(rng.uniform(*np.log(how.scale)))
    angle = np.deg2rad(rng.uniform(-how.rotation, how.rotation))
    quarter = rng.integers(4) * np.pi / 2 if how.flip else 0.0
    mirror = -1.0 if how.flip and rng.random() < 0.5 else 1.0
    cos, sin = np.cos(angle + quarter) / factor, np.sin(angle + quarter) / factor
    # The patch's middle lies where at least a third of the patch is inside the image.
    reach_y, reach_x = (min(size / factor / 3, side / 2) for side in (height, width))
    middle_y, middle_x = rng.uniform(reach_y, height - reach_y), rng.uniform(reach_x, width - reach_x)
    grid = np.arange(size, dtype=np.float32) - (size - 1) / 2
    x, y = grid[None, :] * mirror, grid[:, None]
    map_x = (middle_x - 0.5 + cos * x - sin * y).astype(np.float32)
    map_y = (middle_y - 0.5 + sin * x + cos * y).astype(np.float32)
    if how.elastic and rng.random() < how.elastic_probability:
        # A coarse random field, enlarged smoothly: cheaper than blurring white noise, and just as smooth.
        coarse = rng.uniform(-how.elastic, how.elastic, (2, size // 32 + 3, size // 32 + 3)).astype(np.float32)
        map_x += cv2.resize(coarse[0], (size, size), interpolation=cv2.INTER_CUBIC)
        map_y += cv2.resize(coarse[1], (size, size), interpolation=cv2.INTER_CUBIC)

    def cut(layer: np.ndarray, interpolation: int) -> np.ndarray:
        return cv2.remap(layer, map_x, map_y, interpolation, borderMode=cv2.BORDER_REFLECT_101)

    # Cubic: bilinear interpolation would make every patch blurrier than the images that the network will see.
    return Layers(
        cut(image.pixels, cv2.INTER_CUBIC),
        cut(image.labels, cv2.INTER_NEAREST).astype(np.int32),
        None if image.taught is None else cut(image.taught, cv2.INTER_LINEAR),
    )


TISSUE_DENSITY = 0.065  # mean optical density from which a pixel is tissue, not glass


def measure_colours(pixels: np.ndarray) -> np.ndarray:
    """Mean and deviation of the tissue's optical density in each channel.

    Parameters
    ----------
    pixels
        `(height, width, 3)` uint8 RGB.

    Returns
    -------
    np.ndarray
        `(2, 3)` float32; of the whole image where hardly any of it is tissue.
    """
    density = DENSITY_OF_VALUE[pixels.reshape(-1, 3)]
    tissue = density.mean(axis=1) > TISSUE_DENSITY
    if tissue.mean() > 0.01:
        density = density[tissue]
    return np.stack([density.mean(axis=0), density.std(axis=0) + 4e-4])


def restain(pixels: np.ndarray, own: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """Draw colours towards those of another image, channel by channel in optical density.

    Source: Reinhard et al., "Color transfer between images", IEEE CG&A 2001; at random as in Shen et al.,
    "RandStainNA", MICCAI 2022.

    Parameters
    ----------
    pixels
        `(height, width, 3)` uint8 RGB.
    own, other
        `measure_colours` of both images.
    share
        0 = as before, 1 = mean and deviation of the other.
    """
    mean, deviation = own + share * (other - own)
    density = mean + (DENSITY_OF_VALUE[:, None] - own[0]) * (deviation / own[1])
    return cv2.LUT(pixels, value_of_density(density)[:, None])


def jitter_stain(pixels: np.ndarray, how: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Strengthen, weaken and shift each stain in optical-density space.

    Source: Tellez et al., "Whole-slide mitosis detection in H&E breast histology using PHH3 as a reference to
    train distilled stain-invariant convolutional networks", TMI 2018 (HED-light to HED-strong).

    Parameters
    ----------
    pixels
        `(height, width, 3)` uint8 RGB.

    Returns
    -------
    np.ndarray
        The same shape and dtype.
    """
    factors = 1 + rng.uniform(-how.stain, how.stain, 3)
    # The paper's shifts are of natural logarithms.
    shifts = rng.uniform(-how.stain_shift, how.stain_shift, 3) * math.log10(math.e)
    # Deconvolve, scale and shift, convolve again: linear in the density, so one 3x3 matrix and one offset.
    matrix = (HED_FROM_RGB * factors) @ RGB_FROM_HED
    density = cv2.LUT(pixels, DENSITY_OF_VALUE)
    density = cv2.transform(density, matrix.T) + (shifts @ RGB_FROM_HED)
    return value_of_density(density)


def jitter_look(pixels: np.ndarray, how: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Change stain, brightness, contrast, gamma, sharpness, noise and compression of a patch.

    Parameters
    ----------
    pixels
        `(height, width, 3)` uint8 RGB.

    Returns
    -------
    np.ndarray
        The same shape and dtype.
    """
    if how.stain or how.stain_shift:
        pixels = jitter_stain(pixels, how, rng)
    contrast = 1 + rng.uniform(-how.contrast, how.contrast)
    shift = 255 * rng.uniform(-how.brightness, how.brightness)
    curve = np.clip(contrast * (np.arange(256) - 127.5) + 127.5 + shift, 0, 255)
    if how.gamma:
        curve = 255 * (curve / 255) ** (1 + how.gamma) ** rng.uniform(-1, 1)
    pixels = cv2.LUT(pixels, np.rint(curve).astype(np.uint8))
    if rng.random() < how.blur_probability:
        pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.3, 1.5))
    if rng.random() < how.noise_probability:
        noise = rng.standard_normal(pixels.shape, np.float32) * (255 * rng.uniform(0, how.noise))
        pixels = np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)
    if rng.random() < how.jpeg_probability:
        _, coded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(how.jpeg_quality, 96))])
        pixels = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
    return pixels
