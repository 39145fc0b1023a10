"""What `nuseg stain` writes of an image or a slide."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.io.image import write_png
from nuseg.io.reader import MIN_SLIDE_PIXELS
from nuseg.io.source import Source
from nuseg.plot.stains import draw_panels
from nuseg.preprocess.stain.normaliser import Normaliser
from nuseg.preprocess.stain.sampling import choose_squares, find_tissue_and_glass
from nuseg.types import RGB

OVERVIEW = 4096  # px of the longer side that a larger source is brought to
DETAIL = 800  # px of level 0 that are shown of a larger source
CM_PER_UM = 1e-4
FOLDERS = ("normalised", "haematoxylin", "eosin", "comparison", "stain")


@dataclass(frozen=True)
class Written:
    """What was written of a source.

    Attributes
    ----------
    paths : dict
        "normalised", "haematoxylin", "eosin", "comparison", "stain": the file.
    notes : tuple of str
        What the user should know: how the file was read, damaged parts, too little stain.
    """

    paths: dict[str, Path]
    notes: tuple[str, ...]


def write_stain(
    source: Source, normaliser: Normaliser, folder: str | Path, name: str, mpp: float | None = None
) -> Written:
    """Write a source normalised, its stains alone, a picture of before and after, and how it is stained.

    A source of more than 25 megapixels is brought to an overview of at most 4096 px, and the picture also shows a piece
    of its tissue as it is.

    Parameters
    ----------
    source : Source
    normaliser : Normaliser
        Fitted on the source.
    folder : path
        Files go to `folder/WHAT/NAME.suffix`; each appears when it is whole.
    name : str
        Of the files, without suffix.
    mpp : float, optional
        Resolution (um/px), over what the file says.

    Returns
    -------
    Written

    Raises
    ------
    NusegError
        An image is damaged, or a file cannot be written.
    """
    suffixes = {"normalised": ".tif", "stain": ".json"}
    paths = {what: Path(folder) / what / f"{name}{suffixes.get(what, '.png')}" for what in FOLDERS}
    large = source.width * source.height > MIN_SLIDE_PIXELS
    pixels, damaged = read_readable(source, OVERVIEW if large else max(source.width, source.height))
    after = normaliser(pixels)
    stated = source.mpp if mpp is None else mpp
    write_tiff(paths["normalised"], after, stated and stated * source.width / pixels.shape[1])
    haematoxylin, eosin = normaliser.separate(pixels)
    write_png(paths["haematoxylin"], haematoxylin)
    write_png(paths["eosin"], eosin)
    panels = [("before", pixels), ("after", after)]
    if large:
        piece = tissue_piece(source, mpp)
        panels += [("a piece of the tissue, before", piece), ("after", normaliser(piece))]
        haematoxylin, eosin = normaliser.separate(piece)
    write_png(paths["comparison"], draw_panels([*panels, ("haematoxylin", haematoxylin), ("eosin", eosin)]))
    normaliser.found.save(paths["stain"])
    notes = [*source.notes]
    if damaged:
        notes.append(f"{source.where}: {damaged:.1%} of it is damaged, and white here; copy or export it again")
    if normaliser.found.blank:
        notes.append(f"{source.where}: too little stain to be fitted, the pixels stay as they are")
    return Written(paths, tuple(notes))


def read_readable(source: Source, side: int) -> tuple[RGB, float]:
    """Read all of a source with a longer side of at most `side` px, and say which share of it is damaged and white.

    Of an image damage is an error.
    """
    if source.kind == "image" and side >= max(source.width, source.height):
        return source.read_whole(), 0.0
    pixels, unreadable = source.overview(side)
    return pixels, float(unreadable.mean())


def tissue_piece(source: Source, mpp: float | None = None) -> RGB:
    """Read a piece of level 0 from the middle of a source's tissue, where it can be: `(800, 800, 3)` uint8."""
    tissue, _ = find_tissue_and_glass(source, source.resolution(mpp).mpp)
    squares = choose_squares(source, tissue)
    middle = len(squares) // 2
    for x, y in (*squares[middle:], *squares[:middle]):
        with suppress(NusegError):  # damaged there: another piece shows as much
            return source.read(0, x, y, DETAIL, DETAIL)
    return np.full((DETAIL, DETAIL, 3), 255, np.uint8)


def write_tiff(path: Path, pixels: RGB, mpp: float | None) -> None:
    """Write pixels `(h, w, 3)` uint8 RGB without loss, with their resolution (um/px) where it is known."""
    with atomic_path(path) as temporary:
        tifffile.imwrite(
            temporary,
            np.ascontiguousarray(pixels),
            photometric="rgb",
            tile=(512, 512),
            compression="zlib",
            predictor=True,
            metadata=None,
            resolution=(1 / (mpp * CM_PER_UM),) * 2 if mpp else None,
            resolutionunit="CENTIMETER" if mpp else None,
        )
