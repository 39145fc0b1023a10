"""The nuclei of one tile of a slide: those that it shows whole, and the components that reach into its neighbours.

Why this is exact: a pixel's maps are those of the whole source (`nuseg.segmentation.tiling`), and quantised; what
follows looks no further than `halo_of` (holes, blur); nuclei depend on their 4-connected component alone. So one that
does not touch the core's border is final. What touches it is kept pixel by pixel, for `nuseg.segmentation.stitching`
to join.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from nuseg.engines.maps import FULL_MAP
from nuseg.measure.borders import Borders, Runs
from nuseg.measure.classes import ClassCalibration, class_probabilities
from nuseg.measure.nuclei import COLUMNS, Traced, measures_of
from nuseg.measure.outline import rings_of
from nuseg.measure.probability import Calibration
from nuseg.model.config import Thresholds
from nuseg.results.areas import AnnotatedArea
from nuseg.segmentation.packing import pack
from nuseg.segmentation.postprocess import (
    blur_radius,
    fill_holes,
    find_foreground,
    hole_side,
    label_nuclei,
    pieces_of,
    raw_probability_of,
    smooth,
)
from nuseg.segmentation.roi import RegionOfInterest
from nuseg.segmentation.tiling import Tile
from nuseg.types import RGB, Floats, Integers, Mask

MEASURES = [name for name in COLUMNS if name != "id"]
X, Y = MEASURES.index("x_px"), MEASURES.index("y_px")
LARGEST_CANVAS = 2**22  # px of components that are put close together; one alone may be larger


@dataclass(frozen=True)
class Rules:
    """How maps become nuclei.

    Attributes
    ----------
    thresholds, calibration
        Of the model.
    mpp : float
        Resolution of the grid (um/px).
    roi : RegionOfInterest, optional
        Where nuclei are looked for, and which count; without one everywhere and all.
    class_maps : tuple of int
        Which maps tell classes; none where the model tells none.
    class_calibration : ClassCalibration
        Of the model.
    """

    thresholds: Thresholds
    calibration: Calibration
    mpp: float
    roi: RegionOfInterest | None = None
    class_maps: tuple[int, ...] = ()
    class_calibration: ClassCalibration = field(default_factory=ClassCalibration)

    @property
    def annotations(self) -> tuple[AnnotatedArea, ...]:
        """The annotated areas in which nuclei are also counted one by one."""
        region = self.roi and self.roi.region
        return region.annotations if region else ()


@dataclass(frozen=True)
class Nuclei:
    """Finished nuclei, as arrays.

    Attributes
    ----------
    first : (n, 2) int64
        Row and column of each nucleus' first pixel in reading order, on the model's grid.
    measures : (n, k) float64
        The columns `MEASURES`, in px of the model's grid and in um.
    corners : (m, 2) int32
        Outlines one after the other, x and y in half px of the model's grid.
    lengths : (n,) int64
        Corners of each outline.
    class_probability : (n, c) float64
        Of each class; c is 0 where the model tells none.
    """

    first: np.ndarray
    measures: np.ndarray
    corners: np.ndarray
    lengths: np.ndarray
    class_probability: np.ndarray

    def __len__(self) -> int:
        return len(self.first)

    def take(self, which: np.ndarray) -> "Nuclei":
        """Choose some, by numbers or by a mask, in the order given."""
        numbers = np.arange(len(self))[which]
        starts = np.cumsum(self.lengths) - self.lengths
        lengths = self.lengths[numbers]
        places = np.repeat(starts[numbers] - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
        return Nuclei(
            self.first[numbers], self.measures[numbers], self.corners[places], lengths, self.class_probability[numbers]
        )

    @staticmethod
    def together(parts: "list[Nuclei]") -> "Nuclei":
        """Put parts one after the other; those without a nucleus may not know how many classes there are."""
        parts = [part for part in parts if len(part)] or parts[:1] or [NO_NUCLEI]
        return Nuclei(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in Nuclei.__dataclass_fields__)
        )


NO_NUCLEI = Nuclei(
    np.zeros((0, 2), np.int64),
    np.zeros((0, len(MEASURES))),
    np.zeros((0, 2), np.int32),
    np.zeros(0, np.int64),
    np.zeros((0, 0)),
)


@dataclass(frozen=True, eq=False)
class Layers:
    """What nuclei are found in and measured by: one plane above the other.

    Attributes
    ----------
    mask : (h, w) bool
        Holes filled.
    raw_probability, distance : (h, w) uint8 and uint16
        Quantised and smoothed maps.
    colour : (h, w, 3) uint8
        Pixels.
    class_maps : (h, w, c) uint8
        Quantised; c is 0 where there are none.
    """

    mask: Mask
    raw_probability: RGB
    distance: Integers
    colour: RGB
    class_maps: RGB


@dataclass(frozen=True)
class ComponentPixels:
    """Pixels of components, with all that is needed to find nuclei in them.

    Attributes
    ----------
    y, x : (n,) int32
        On the model's grid.
    component : (n,) int32
        Which component of the tile it belongs to, 0..k-1.
    raw_probability : (n,) uint8
    distance : (n,) uint16
        Smoothed.
    colour : (n, 3) uint8
    class_maps : (n, c) uint8
        Quantised.
    """

    y: np.ndarray
    x: np.ndarray
    component: np.ndarray
    raw_probability: np.ndarray
    distance: np.ndarray
    colour: np.ndarray
    class_maps: np.ndarray

    def take(self, which: np.ndarray) -> "ComponentPixels":
        """Choose some, by numbers or by a mask."""
        return ComponentPixels(*(getattr(self, name)[which] for name in ComponentPixels.__dataclass_fields__))

    @staticmethod
    def together(parts: "list[ComponentPixels]") -> "ComponentPixels":
        """Put parts one after the other."""
        return ComponentPixels(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in ComponentPixels.__dataclass_fields__)
        )

    def nuclei(self, rules: Rules, group: np.ndarray | None = None) -> Nuclei:
        """Find the nuclei in whole components, or in what was cut out of a giant.

        Parameters
        ----------
        rules : Rules
            How.
        group : (n,) integer, optional
            Which component each pixel belongs to: they are then put close together, since a nucleus depends on its
            component alone. Default: all pixels stay where they are.
        """
        if not len(self.y):
            return NO_NUCLEI
        owner = np.zeros(len(self.y), np.intp) if group is None else np.unique(group, return_inverse=True)[1]
        canvas = pack(self.y, self.x, owner)
        middle = (int(owner.max()) + 1) // 2
        if canvas.size > LARGEST_CANVAS and middle:
            halves = [np.flatnonzero(owner < middle), np.flatnonzero(owner >= middle)]
            return Nuclei.together([self.take(half).nuclei(rules, owner[half]) for half in halves])
        y, x = np.divmod(canvas.place, canvas.shape[1])
        inside = np.ones(len(self.y), bool)
        planes = inside, self.raw_probability, self.distance, self.colour, self.class_maps
        origins = canvas.draw(np.stack([self.y - y, self.x - x], axis=1))
        return find_nuclei(Layers(*map(canvas.draw, planes)), origins, rules)


NO_PIXELS = ComponentPixels(
    y=np.zeros(0, np.int32),
    x=np.zeros(0, np.int32),
    component=np.zeros(0, np.int32),
    raw_probability=np.zeros(0, np.uint8),
    distance=np.zeros(0, np.uint16),
    colour=np.zeros((0, 3), np.uint8),
    class_maps=np.zeros((0, 0), np.uint8),
)


NO_CLASSES = np.zeros((1, 1, 0), np.uint8)


def halo_of(thresholds: Thresholds, mpp: float) -> int:
    """How far (px) around a pixel its mask and smoothed distance depend on the quantised maps."""
    return max(hole_side(mpp), blur_radius(thresholds.smoothing))


def separate_tile(
    maps: np.ndarray, colour: np.ndarray, seen: tuple[slice, slice], tile: Tile, shape: tuple[int, int], rules: Rules
) -> tuple[Nuclei, ComponentPixels]:
    """Find the nuclei of a tile's core.

    Parameters
    ----------
    maps : (k, h, w) uint8
        Quantised, over the core and the halo around it, as far as the slide goes.
    colour : (h, w, 3) uint8
        The pixels there.
    seen : pair of slice
        Where that is on the model's grid.
    tile : Tile
        Its core is answered for.
    shape : tuple of int
        Of the model's grid.
    rules : Rules
        How.

    Returns
    -------
    Nuclei
        Of components that lie within the core.
    ComponentPixels
        Of components that reach its border, where that is not the slide's own.
    """
    foreground = find_foreground(maps, rules.thresholds)
    if rules.roi is not None:
        foreground &= rules.roi.mask(seen)
    mask = fill_holes(foreground, hole_side(rules.mpp))
    core = tuple(slice(c.start - s.start, c.stop - s.start) for c, s in zip(tile.core, seen, strict=True))
    distance = smooth(maps[1], rules.thresholds.smoothing)[core]
    # Pixel by pixel side by side, as they are measured and kept.
    classes = np.stack([maps[number][core] for number in rules.class_maps], axis=-1) if rules.class_maps else NO_CLASSES
    classes = np.broadcast_to(classes, (*distance.shape, len(rules.class_maps)))
    layers = Layers(mask[core], raw_probability_of(maps[:, *core]), distance, colour[core], classes)
    rows, columns = tile.core
    origin = rows.start, columns.start
    edges = (rows.start > 0, rows.stop < shape[0], columns.start > 0, columns.stop < shape[1])
    if not any(edges):  # the whole source: no component reaches into another tile
        return find_nuclei(layers, origin, rules), NO_PIXELS
    count, components = pieces_of(layers.mask)
    open_ = np.zeros(count, bool)
    lines = components[0], components[-1], components[:, 0], components[:, -1]
    for line, inner in zip(lines, edges, strict=True):
        open_[line] |= inner
    open_[0] = False
    apart = open_.take(components)
    y, x = np.divmod(np.flatnonzero(apart), apart.shape[1])
    number = np.cumsum(open_) - 1
    pixels = ComponentPixels(
        (y + origin[0]).astype(np.int32),
        (x + origin[1]).astype(np.int32),
        number[components[y, x]].astype(np.int32),
        layers.raw_probability[y, x],
        distance[y, x],
        layers.colour[y, x],
        layers.class_maps[y, x],
    )
    return find_nuclei(replace(layers, mask=layers.mask & ~apart), origin, rules), pixels


def find_nuclei(layers: Layers, origin: tuple[int, int] | np.ndarray, rules: Rules) -> Nuclei:
    """Find, outline and measure the nuclei in whole components, and keep those that count.

    Parameters
    ----------
    layers : Layers
    origin : tuple of int or (h, w, 2) integer
        Row and column of the upper left pixel on the model's grid; where components were put close together, so that it
        is another one for each, for every pixel.
    rules : Rules
        How.
    """
    labels = label_nuclei(layers.mask, layers.raw_probability, layers.distance, rules.thresholds, rules.mpp)
    borders = Borders.of(labels)
    rings = rings_of(borders)
    if not len(rings):
        return NO_NUCLEI
    runs = borders.runs
    first = runs.first(len(rings))
    y, x = runs.y[first], runs.x[first]
    origins = np.broadcast_to(np.asarray(origin), (*labels.shape, 2))[y, x]
    means = layers.raw_probability / np.float32(FULL_MAP)
    measures = measures_of(Traced(borders, rings), layers.colour, means, rules.mpp, origins, rules.calibration)
    nuclei = Nuclei(
        np.stack([y, x], axis=1) + origins,
        np.stack([measures[name] for name in MEASURES], axis=1).astype(np.float64),
        (rings.points + 2 * np.repeat(origins[:, ::-1], rings.lengths, axis=0)).astype(np.int32),
        rings.lengths,
        class_probabilities(class_shares(runs, len(rings), layers.class_maps), rules.class_calibration),
    )
    if rules.roi is None:
        return nuclei
    return nuclei.take(rules.roi.counts(nuclei.measures[:, X], nuclei.measures[:, Y]))


def class_shares(runs: Runs, count: int, classes: RGB) -> Floats:
    """Mean of the class maps over the pixels of each nucleus, whose sum over classes is 1.

    Parameters
    ----------
    runs : Runs
        Of all nuclei.
    count : int
        How many they are.
    classes : (h, w, c) uint8
        Quantised class maps.

    Returns
    -------
    (count, c) float64
        From sums of whole numbers: the same whatever the order of the pixels.
    """
    if not classes.shape[-1]:
        return np.zeros((count, 0))
    values = classes.reshape(-1, classes.shape[-1])[runs.pixels]
    shares = np.stack([runs.sums(one, count) for one in values.T], axis=1)
    return np.asarray(shares / np.maximum(shares.sum(axis=1, keepdims=True), 1))
