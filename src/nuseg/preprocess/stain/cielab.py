"""sRGB to CIELAB and back (IEC 61966-2-1, CIE 1976, white D65), the same for a pixel alone as among others."""

import numpy as np

from nuseg.preprocess.stain.amounts import combine
from nuseg.types import RGB, Floats

XYZ_OF_RGB = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
D65 = np.array([0.95047, 1.0, 1.08883])
# L, a and b are sums of the cube roots of X, Y and Z.
LAB_OF_ROOTS = np.array([[0, 116, 0], [500, -500, 0], [0, 200, -200]])
SHIFT = np.array([-16, 0, 0], np.float32)
_SHARE = np.arange(256) / 255
LINEAR_OF_VALUE = np.where(_SHARE > 0.04045, ((_SHARE + 0.055) / 1.055) ** 2.4, _SHARE / 12.92).astype(np.float32)
DARK = 6 / 29  # cube root under which the line goes on as a straight one


def to_lab(pixels: RGB) -> Floats:
    """Bring pixels `(..., 3)` uint8 RGB to L (0..100), a and b: `(..., 3)` float32."""
    relative = combine(LINEAR_OF_VALUE[pixels], (XYZ_OF_RGB / D65[:, None]).T)
    roots = np.where(relative > DARK**3, np.cbrt(relative), relative / np.float32(3 * DARK**2) + np.float32(4 / 29))
    lab: Floats = combine(roots, LAB_OF_ROOTS.T) + SHIFT
    return lab


def from_lab(lab: Floats) -> Floats:
    """Bring L, a and b `(..., 3)` to red, green and blue of 0..255, clipped and not rounded: `(..., 3)` float32."""
    roots = combine(lab - SHIFT, np.linalg.inv(LAB_OF_ROOTS).T)
    relative = np.where(roots > DARK, roots**3, np.float32(3 * DARK**2) * (roots - np.float32(4 / 29)))
    linear = np.clip(combine(relative, (np.linalg.inv(XYZ_OF_RGB) * D65).T), 0, 1)
    share = np.where(
        linear > 0.0031308, np.float32(1.055) * linear ** np.float32(1 / 2.4) - np.float32(0.055), linear * 12.92
    )
    values: Floats = np.clip(255 * share, 0, 255)
    return values
