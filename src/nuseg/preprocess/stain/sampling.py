"""A sample of a source's pixels that says how it is stained: from its tissue, in bounded memory."""

from dataclasses import dataclass

import numpy as np

from nuseg.errors import NusegError
from nuseg.io.source import Source
from nuseg.measure.counts import image_area_mm2
from nuseg.measure.stain import optical_density
from nuseg.preprocess.stain.amounts import density_over, is_stained
from nuseg.preprocess.stain.fit import WHITE, Colour
from nuseg.preprocess.tissue import MIN_COLOUR, tissue_mask
from nuseg.types import RGB, Mask

SIDE, OVERVIEW_UM = 1024, 8.0  # px of the overview at most, and its resolution (um/px)
SQUARE = 256  # px of level 0
SQUARES = 64  # that are read, so that a slide takes no more memory than a field
PIXELS = 200_000  # that are fitted: more change the third digit
TISSUE_FROM_MM2 = 1.0  # smaller sources are fields that somebody chose
GLASS_DENSITY = 0.15  # of each channel, at most: 180 of 255
GLASS_SHARE = 0.01  # of the overview: less is lumen, or a light spot
BRIGHTEST, GLASS_SPREAD = 2.0, 0.02  # percentile of density that glass begins at, and how far it goes
FEWEST = 100  # stained pixels
FEWEST_SHARE = 0.001  # of those read: less is dust


@dataclass(frozen=True, eq=False)
class Sample:
    """Pixels that stand for a source.

    Attributes
    ----------
    stained : (n, 3) uint8
        RGB; none where too few are stained.
    white : (r, g, b)
        Colour of the glass.
    """

    stained: RGB
    white: Colour


def sample_source(source: Source, mpp: float | None = None) -> Sample:
    """Take stained pixels from all over the tissue of a source; of the same pixels always the same ones.

    Parameters
    ----------
    source : Source
    mpp : float, optional
        Resolution (um/px), over what the file says; it matters for finding tissue alone.

    Raises
    ------
    NusegError
        An image is damaged, or all of a slide that would be read, or the resolution is implausible. Damaged parts of a
        slide are left out.
    """
    resolution = source.resolution(mpp).mpp
    tissue, white = find_tissue_and_glass(source, resolution)
    pixels = np.concatenate([read_square(source, x, y) for x, y in choose_squares(source, tissue)])
    if not len(pixels):
        raise NusegError(f"{source.where}: damaged, no part of its tissue could be read; copy or export it again")
    stained = pixels[is_stained(density_over(pixels, white))]
    if len(stained) < max(FEWEST, FEWEST_SHARE * len(pixels)):
        return Sample(stained[:0], white)
    return Sample(thinned(stained), white)


def find_tissue_and_glass(source: Source, mpp: float) -> tuple[Mask | None, Colour]:
    """Find the tissue of a source of `mpp` um/px on an overview, and the colour of its glass.

    A field is all tissue, and so is a source without any that can be told: None stands for both.
    """
    longest = max(source.width, source.height)
    if image_area_mm2((source.height, source.width), mpp) <= TISSUE_FROM_MM2:
        thumbnail, _ = source.overview(SIDE)
        return None, glass_colour(thumbnail, np.zeros(thumbnail.shape[:2], bool))
    side = max(1, min(SIDE, round(longest * mpp / OVERVIEW_UM)))
    thumbnail, _ = source.overview(side)
    tissue = tissue_mask(thumbnail, mpp * longest / side)
    return tissue if tissue.any() else None, glass_colour(thumbnail, tissue)


def glass_colour(thumbnail: RGB, tissue: Mask) -> Colour:
    """Find the colour of the glass: of what is bright and grey outside of tissue, the median of the brightest.

    Pale tissue is bright and grey, too, but darker than glass. Pure white was not scanned, and does not count. Where no
    glass is seen, it is taken for white.

    Parameters
    ----------
    thumbnail : (h, w, 3) uint8
        RGB.
    tissue : (h, w) bool

    Returns
    -------
    tuple of float
        Red, green, blue, 0..255.
    """
    density = optical_density(thumbnail)
    span = density.max(axis=2) - density.min(axis=2)
    scanned = ~(thumbnail == 255).all(axis=2)
    glass = ~tissue & scanned & (density.max(axis=2) < GLASS_DENSITY) & (span < MIN_COLOUR)
    if glass.sum() < max(GLASS_SHARE * glass.size, 1):
        return WHITE
    mean = density.mean(axis=2)
    brightest = np.percentile(mean[glass], BRIGHTEST)
    red, green, blue = np.median(thumbnail[glass & (mean <= brightest + GLASS_SPREAD)], axis=0).tolist()
    return red, green, blue


def choose_squares(source: Source, tissue: Mask | None) -> list[tuple[int, int]]:
    """Choose squares of level 0 whose middle lies in the tissue of an overview: x, y of their corners.

    Of many a fixed choice, in reading order; always at least one.
    """
    columns, rows = (np.arange(0, length, SQUARE) for length in (source.width, source.height))
    y, x = (axis.ravel() for axis in np.meshgrid(rows, columns, indexing="ij"))
    if tissue is not None:
        at = [
            np.minimum((corner + SQUARE / 2) * small / length, small - 1).astype(np.int64)
            for corner, small, length in zip((y, x), tissue.shape, (source.height, source.width), strict=True)
        ]
        inside = tissue[at[0], at[1]]
        if inside.any():
            y, x = y[inside], x[inside]
    chosen = np.sort(np.random.default_rng(0).permutation(len(x))[:SQUARES])
    return list(zip(x[chosen].tolist(), y[chosen].tolist(), strict=True))


def read_square(source: Source, x: int, y: int) -> RGB:
    """Read a square of level 0 as a list of pixels `(n, 3)`; of a slide none where it is damaged."""
    try:
        pixels = source.read(0, x, y, min(SQUARE, source.width - x), min(SQUARE, source.height - y))
    except NusegError:
        if source.kind == "image":
            raise
        return np.empty((0, 3), np.uint8)
    return pixels.reshape(-1, 3)


def thinned(pixels: RGB) -> RGB:
    """At most `PIXELS` of pixels `(n, 3)`, evenly spread."""
    if len(pixels) <= PIXELS:
        return pixels
    return pixels[np.linspace(0, len(pixels) - 1, PIXELS).astype(np.int64)]
