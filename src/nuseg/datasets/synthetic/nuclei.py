"""The nuclei of a generated field: what kinds there are, their sizes and outlines."""

from dataclasses import dataclass, replace

import numpy as np

from nuseg.types import Floats

OVERHANG_UM = 1.5  # a crop reaches this far beyond the outline: its blurred edge and its halo


@dataclass(frozen=True)
class Population:
    """One kind of nucleus. Ranges are (low, high), drawn uniformly.

    Attributes
    ----------
    share
        Relative number.
    semi_axis_um
        Geometric mean of both semi-axes (um).
    elongation
        Long over short axis.
    roughness
        Amplitude of the outline's waves, as a share of the radius.
    bend
        Curvature of the long axis: the ends' offset as a share of the semi-axis.
    density
        Optical density of haematoxylin.
    chromatin
        Contrast of the chromatin texture, as a share of the density.
    rim
        Extra density of the nuclear membrane, as a share of the density.
    nucleoli
        How many dark nucleoli at most.
    in_epithelium
        Preference for epithelium over stroma, 0..1.
    aligned
        How far the nucleus follows the direction of the tissue (radians of deviation; large = any direction).
    """

    name: str
    share: float
    semi_axis_um: tuple[float, float]
    elongation: tuple[float, float]
    roughness: float
    bend: float
    density: tuple[float, float]
    chromatin: float
    rim: float
    nucleoli: int
    in_epithelium: float
    aligned: float


POPULATIONS = (
    Population("lymphocyte", 0.32, (2.1, 3.3), (1.0, 1.35), 0.045, 0.0, (0.30, 0.58), 0.24, 0.10, 0, 0.15, 3.0),
    Population("epithelial", 0.45, (2.7, 5.3), (1.05, 2.0), 0.06, 0.06, (0.15, 0.34), 0.34, 0.75, 2, 0.95, 0.5),
    Population("fibroblast", 0.23, (1.9, 3.3), (2.0, 4.6), 0.07, 0.3, (0.20, 0.46), 0.22, 0.15, 0, 0.06, 0.35),
)


@dataclass(frozen=True)
class Shape:
    """One nucleus: where it lies (px), its semi-axes (um), direction, waves of the outline and kind."""

    kind: Population
    y: float
    x: float
    long_um: float
    short_um: float
    angle: float
    bend: float
    waves: Floats  # (3, 2): amplitude and phase of 2, 3 and 4 waves around the outline

    def reach(self, direction: float) -> float:
        """Radius of the nucleus' ellipse (um) in a direction (radians)."""
        turned = direction - self.angle
        return 1 / float(np.hypot(np.cos(turned) / self.long_um, np.sin(turned) / self.short_um))

    def moved_to(self, y: float, x: float) -> "Shape":
        """The same nucleus elsewhere (px)."""
        return replace(self, y=y, x=x)

    def depth(self, rows: slice, columns: slice, mpp: float) -> Floats:
        """Distance of pixels from the outline (um): positive inside, negative outside, exact near the outline."""
        y = (np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] - self.y) * mpp
        x = (np.arange(columns.start, columns.stop, dtype=np.float32)[None] - self.x) * mpp
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        along = (x * cos + y * sin) / self.long_um
        across = (y * cos - x * sin) / self.short_um - self.bend * (along**2 - 0.5)
        ratio = np.sqrt(along**2 + across**2) + 1e-6
        around = np.arctan2(across, along)
        outline = np.float32(1)
        for waves, (amplitude, phase) in enumerate(self.waves, start=2):
            outline = outline + amplitude * np.cos(waves * around + phase)
        # First-order distance: how far off the level is, over how fast it changes.
        slope = np.hypot(along / self.long_um, across / self.short_um) / ratio
        distance: Floats = (outline - ratio) / np.maximum(slope, 1e-6)
        return distance.astype(np.float32)

    def crop(self, shape: tuple[int, int], mpp: float) -> tuple[slice, slice]:
        """Rows and columns of an image of `shape` that the nucleus and its halo can touch; may be empty."""
        margin = 1 + float(np.abs(self.waves[:, 0]).sum()) + abs(self.bend)
        radius = (self.long_um * margin + OVERHANG_UM) / mpp
        spans = []
        for at, side in ((self.y, shape[0]), (self.x, shape[1])):
            start = min(max(int(np.floor(at - radius)), 0), side)
            spans.append(slice(start, max(min(int(np.ceil(at + radius)) + 1, side), start)))
        return spans[0], spans[1]


def draw_shape(rng: np.random.Generator, kind: Population, y: float, x: float, direction: Floats) -> Shape:
    """Draw a nucleus of a kind at a place (px) of tissue with a field of directions (radians)."""
    size, elongation = rng.uniform(*kind.semi_axis_um), rng.uniform(*kind.elongation)
    row = min(max(round(y), 0), direction.shape[0] - 1)
    column = min(max(round(x), 0), direction.shape[1] - 1)
    amplitudes = rng.normal(0, kind.roughness, 3) / np.array([1.0, 1.3, 2.0])
    return Shape(
        kind=kind,
        y=y,
        x=x,
        long_um=size * elongation**0.5,
        short_um=size / elongation**0.5,
        angle=float(direction[row, column]) + rng.normal(0, kind.aligned),
        bend=rng.normal(0, kind.bend) if kind.bend else 0.0,
        waves=np.stack([np.clip(amplitudes, -0.15, 0.15), rng.uniform(0, 2 * np.pi, 3)], axis=1),
    )
