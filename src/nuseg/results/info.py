"""What the files of results say about the slide they belong to."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class SlideInfo:
    """A slide as its results need it: facts and a small picture, no open file.

    Attributes
    ----------
    path : Path
        The slide.
    width, height : int
        Size of level 0 (px), of the part of it that coordinates count from.
    mpp : float
        Resolution of level 0 (um/px) that was used.
    mpp_source : str
        Where the resolution came from.
    thumbnail : (h, w, 3) uint8
        The whole slide made small, RGB; density and overview are drawn at its size.
    tissue : (h', w') bool
        Where nuclei were looked for, over the whole slide, at any size.
    """

    path: Path
    width: int
    height: int
    mpp: float
    mpp_source: str
    thumbnail: np.ndarray
    tissue: np.ndarray

    @property
    def area_mm2(self) -> float:
        """Area of the slide (mm2), glass included."""
        return self.width * self.height * self.mpp**2 / 1e6

    @cached_property
    def tissue_mm2(self) -> float:
        """Area of the tissue in which nuclei were looked for (mm2)."""
        return float(self.tissue.mean()) * self.area_mm2
