"""The nuclei of one tile of a slide: those that it shows whole, and the components that reach into its neighbours.

Why this is exact: a pixel's maps are those of the whole source (`nuseg.segmentation.tiling`), and quantised; what
follows looks no further than `halo_of` (holes, blur); nuclei depend on their 4-connected component alone. So one that
does not touch the core's border is final. What touches it is kept pixel by pixel, for `nuseg.segmentation.stitching`
to join.
"""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from nuseg.measure.classes import ClassCalibration, class_probabilities
from nuseg.measure.nuclei import COLUMNS, measures_of
from nuseg.measure.outline import first_places, outlines
from nuseg.measure.probability import Calibration
from nuseg.model.config import Thresholds
from nuseg.results.areas import AnnotatedArea
from nuseg.segmentation.postprocess import (
    FULL_MAP,
    blur_radius,
    fill_holes,
    find_foreground,
    hole_side,
    label_nuclei,
    raw_probability_of,
    smooth,
)
from nuseg.segmentation.roi import RegionOfInterest
from nuseg.segmentation.tiling import Tile
from nuseg.types import RGB, Floats, Integers, LabelImage, Mask

MEASURES = [name for name in COLUMNS if name != "id"]
X, Y = MEASURES.index("x_px"), MEASURES.index("y_px")


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

    def nuclei(self, rules: Rules) -> Nuclei:
        """Find the nuclei in whole components, or in what was cut out of a giant."""
        if not len(self.y):
            return NO_NUCLEI
        top, left = int(self.y.min()), int(self.x.min())
        place = self.y - top, self.x - left
        shape = int(place[0].max()) + 1, int(place[1].max()) + 1
        canvases = []
        inside = np.ones(len(self.y), bool)
        for values in (inside, self.raw_probability, self.distance, self.colour, self.class_maps):
            canvas = np.zeros((*shape, *values.shape[1:]), values.dtype)
            canvas[place] = values
            canvases.append(canvas)
        return find_nuclei(Layers(*canvases), (top, left), rules)


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
    _, components = cv2.connectedComponents(layers.mask.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    open_ = np.zeros(components.max() + 1, bool)
    lines = components[0], components[-1], components[:, 0], components[:, -1]
    for line, inner in zip(lines, edges, strict=True):
        open_[line] |= inner
    open_[0] = False
    apart = open_[components]
    y, x = np.nonzero(apart)
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


def find_nuclei(layers: Layers, origin: tuple[int, int], rules: Rules) -> Nuclei:
    """Find, outline and measure the nuclei in whole components, and keep those that count.

    Parameters
    ----------
    layers : Layers
    origin : tuple of int
        Row and column of the upper left pixel on the model's grid.
    rules : Rules
        How.
    """
    raw_probability = layers.raw_probability
    labels = label_nuclei(layers.mask, raw_probability, layers.distance, rules.thresholds, rules.mpp)
    if not labels.any():
        return NO_NUCLEI
    rings = outlines(labels)
    means = raw_probability / np.float32(FULL_MAP)
    measures = measures_of(labels, layers.colour, means, rules.mpp, rings, origin, rules.calibration)
    inside = np.flatnonzero(labels)
    place = first_places(labels.ravel()[inside], inside)
    first = np.stack(np.divmod(place, labels.shape[1]), axis=1) + origin
    nuclei = Nuclei(
        first,
        np.stack([measures[name] for name in MEASURES], axis=1).astype(np.float64),
        (np.concatenate(rings) * 2).astype(np.int32) + 2 * np.array(origin[::-1], np.int32),
        np.array([len(ring) for ring in rings], np.int64),
        class_probabilities(class_shares(labels, layers.class_maps, inside), rules.class_calibration),
    )
    if rules.roi is None:
        return nuclei
    return nuclei.take(rules.roi.counts(nuclei.measures[:, X], nuclei.measures[:, Y]))


def class_shares(labels: LabelImage, classes: RGB, inside: Integers) -> Floats:
    """Mean of the class maps over the pixels of each nucleus, whose sum over classes is 1.

    Parameters
    ----------
    labels : (h, w) integer
        Label image 0..n.
    classes : (h, w, c) uint8
        Quantised class maps.
    inside : (m,) integer
        Where labels are above 0, in the flat image.

    Returns
    -------
    (n, c) float64
        From sums of whole numbers: the same whatever the order of the pixels.
    """
    owner = labels.ravel()[inside]
    count = int(labels.max(initial=0)) + 1
    values = classes.reshape(-1, classes.shape[-1]) if classes.shape[-1] else np.zeros((labels.size, 0), np.uint8)
    sums = [np.bincount(owner, values[inside, number], count)[1:] for number in range(values.shape[1])]
    if not sums:
        return np.zeros((count - 1, 0))
    shares = np.stack(sums, axis=1)
    return np.asarray(shares / np.maximum(shares.sum(axis=1, keepdims=True), 1))
