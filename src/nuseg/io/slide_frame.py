"""Where the pixels of a slide lie on the glass, as Hamamatsu's scanners say."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openslide

from nuseg.types import Floats

_OFFSETS = ("hamamatsu.XOffsetFromSlideCentre", "hamamatsu.YOffsetFromSlideCentre")


@dataclass(frozen=True)
class SlideFrame:
    """Place of an image on the glass.

    Attributes
    ----------
    shape : (h, w)
        Of level 0 (px).
    nm : (float, float)
        Width and height of a pixel in nanometres.
    centre_nm : (float, float)
        x and y of the image's middle, counted from the slide's centre.
    """

    shape: tuple[int, int]
    nm: tuple[float, float]
    centre_nm: tuple[float, float] = (0.0, 0.0)

    @property
    def _corner(self) -> Floats:
        height, width = self.shape
        return np.array(self.centre_nm) - np.array(self.nm) * (width, height) / 2

    def to_pixels(self, points: Floats) -> Floats:
        """Bring (k, 2) x and y in nm from the slide's centre to px from the image's upper left corner."""
        return np.asarray((points - self._corner) / np.array(self.nm))

    def to_nanometres(self, points: Floats) -> Floats:
        """Bring (k, 2) x and y in px from the image's upper left corner to nm from the slide's centre."""
        return np.asarray(points * np.array(self.nm) + self._corner)


def slide_frame(path: Path) -> SlideFrame | None:
    """Read where a slide's image lies on the glass; None where the file does not say, or is no slide."""
    try:
        with openslide.OpenSlide(str(path)) as slide:
            properties, (width, height) = dict(slide.properties), slide.dimensions
    except (openslide.OpenSlideError, OSError):
        return None
    try:
        x, y = (float(properties[name]) for name in _OFFSETS)
        across, down = (float(properties[f"openslide.mpp-{axis}"]) * 1000 for axis in "xy")
    except (KeyError, ValueError):
        return None
    if not (np.isfinite([x, y]).all() and 0 < across < np.inf and 0 < down < np.inf):
        return None
    return SlideFrame((height, width), (across, down), (x, y))
