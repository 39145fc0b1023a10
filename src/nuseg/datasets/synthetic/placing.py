"""Where the nuclei of a generated field lie, and the truth that comes of it."""

from collections.abc import Iterator

import cv2
import numpy as np

from nuseg.datasets.synthetic.nuclei import Population, Shape, draw_shape
from nuseg.datasets.synthetic.tissue import Tissue
from nuseg.types import Floats, LabelImage, Mask

TRIES = 40  # places tried for one nucleus before it is given up
GIVE_UP = 20  # nuclei in a row without a place: the field is full
MAX_HIDDEN = 0.3  # share of a nucleus that those above it may hide
MIN_PIXELS = 3
LUMEN_MARGIN_UM = 7.0  # nuclei of lining cells lie this deep or deeper
LIKELY = 0.1  # of `room`
BATCH = 64  # places drawn at once
CLOSENESS = (0.78, 0.98)  # distance of nuclei put against each other, over the sum of their radii


def place_nuclei(
    rng: np.random.Generator,
    tissue: Tissue,
    mpp: float,
    count: int,
    touching: float,
    populations: tuple[Population, ...],
) -> tuple[list[Shape], LabelImage]:
    """Place nuclei one after the other; a later one lies above those before.

    Parameters
    ----------
    rng : numpy.random.Generator
    tissue : Tissue
    mpp : float
        Resolution (um/px).
    count : int
        Nuclei to place; fewer where no more fit.
    touching : float
        Share of nuclei put against an earlier one of their kind, 0..1.
    populations : tuple of Population

    Returns
    -------
    shapes : list of Shape
        In the order of their labels.
    labels : (h, w) int32
        Label image 1..N; each nucleus is one 4-connected piece.
    """
    truth = Truth(tissue.gap.shape, mpp)
    likely = {kind.name: room(tissue, kind) for kind in populations}
    places = {name: draw_places(rng, weight) for name, weight in likely.items()}
    shares = np.array([kind.share for kind in populations])
    failures = 0
    for chosen in rng.choice(len(populations), size=count, p=shares / shares.sum()):
        kind = populations[chosen]
        for _ in range(TRIES):
            shape = draw_shape(rng, kind, *next(places[kind.name]), tissue.direction)
            neighbours = truth.of_kind(kind) if rng.random() < touching else []
            if neighbours:
                shape = put_against(rng, shape, neighbours[rng.integers(len(neighbours))], mpp)
                if not is_inside(shape, likely[kind.name]):
                    continue
            if truth.add(shape, MAX_HIDDEN if neighbours else 0.0):
                failures = 0
                break
        else:
            failures += 1
            if failures == GIVE_UP:
                break
    return truth.shapes, truth.labels


def room(tissue: Tissue, kind: Population) -> Floats:
    """How likely a nucleus of a kind lies at each pixel: relative, 0..1, `(h, w)` float32."""
    mixture = kind.in_epithelium * tissue.epithelium + (1 - kind.in_epithelium) * (1 - tissue.epithelium)
    likely: Floats = mixture * np.clip(tissue.depth / LUMEN_MARGIN_UM, 0, 1) ** 2 * (1 - tissue.gap)
    return likely


def draw_places(rng: np.random.Generator, weight: Floats) -> Iterator[tuple[float, float]]:
    """Draw places (y, x) in pixels, with a probability in proportion to `weight`; evenly where it is 0 everywhere."""
    cumulated = np.cumsum(weight, dtype=np.float64)
    if cumulated[-1] <= 0:
        cumulated = np.arange(1, weight.size + 1, dtype=np.float64)
    while True:
        index = np.searchsorted(cumulated, rng.random(BATCH) * cumulated[-1], side="right")
        rows, columns = np.divmod(np.minimum(index, weight.size - 1), weight.shape[1])
        within = rng.random((2, BATCH)) - 0.5
        yield from zip((rows + within[0]).tolist(), (columns + within[1]).tolist(), strict=True)


def put_against(rng: np.random.Generator, shape: Shape, other: Shape, mpp: float) -> Shape:
    """Move a nucleus to the edge of another, so that they touch or overlap a little."""
    direction = rng.uniform(0, 2 * np.pi)
    distance = rng.uniform(*CLOSENESS) * (shape.reach(direction) + other.reach(direction)) / mpp
    return shape.moved_to(other.y + distance * np.sin(direction), other.x + distance * np.cos(direction))


def is_inside(shape: Shape, likely: Floats) -> bool:
    """Whether the centre lies in the image, at a place where such nuclei occur."""
    row, column = round(shape.y), round(shape.x)
    height, width = likely.shape
    return 0 <= row < height and 0 <= column < width and bool(likely[row, column] > LIKELY)


class Truth:
    """The label image while nuclei are added, and what it takes to keep every one of them whole.

    Attributes
    ----------
    labels : (h, w) int32
    shapes : list of Shape
        In label order.
    """

    def __init__(self, size: tuple[int, int], mpp: float) -> None:
        self.labels = np.zeros(size, np.int32)
        self.shapes: list[Shape] = []
        self._mpp = mpp
        self._areas: list[int] = []  # as they were added, px
        self._by_kind: dict[str, list[Shape]] = {}

    def of_kind(self, kind: Population) -> list[Shape]:
        """The nuclei of a kind that were added so far."""
        return self._by_kind.get(kind.name, [])

    def add(self, shape: Shape, max_hidden: float) -> bool:
        """Add a nucleus on top; refuse, and change nothing, where it would hide too much or break another up.

        Parameters
        ----------
        shape : Shape
        max_hidden : float
            Share of any nucleus, the new one included, that may lie in an overlap, 0..1.

        Returns
        -------
        bool
            Whether it was added.
        """
        rows, columns = shape.crop(self.labels.shape, self._mpp)
        crop = self.labels[rows, columns]
        if crop.size == 0:
            return False
        mask = shape.depth(rows, columns, self._mpp) > 0
        area = int(np.count_nonzero(mask))
        under = crop[mask]
        hidden = np.unique(under[under > 0])
        if area < MIN_PIXELS or not is_one_piece(mask) or np.count_nonzero(under) > max_hidden * area:
            return False
        if not all(self._stays_whole(int(label), rows, columns, mask, max_hidden) for label in hidden):
            return False
        self.shapes.append(shape)
        self._areas.append(area)
        self._by_kind.setdefault(shape.kind.name, []).append(shape)
        crop[mask] = len(self.shapes)
        return True

    def _stays_whole(self, label: int, rows: slice, columns: slice, mask: Mask, max_hidden: float) -> bool:
        own = self.shapes[label - 1].crop(self.labels.shape, self._mpp)
        left = self.labels[own] == label
        top, start = rows.start - own[0].start, columns.start - own[1].start
        y, x = np.nonzero(mask)
        y, x = y + top, x + start
        seen = (y >= 0) & (y < left.shape[0]) & (x >= 0) & (x < left.shape[1])
        left[y[seen], x[seen]] = False
        remaining = np.count_nonzero(left)
        return bool(remaining >= max((1 - max_hidden) * self._areas[label - 1], MIN_PIXELS)) and is_one_piece(left)


def is_one_piece(mask: Mask) -> bool:
    """Whether a mask is one 4-connected piece."""
    return cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[0] == 2
