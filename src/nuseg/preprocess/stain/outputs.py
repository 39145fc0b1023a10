"""What `nuseg stain` writes of an image or a slide."""

from pathlib import Path

import numpy as np
import tifffile

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


def write_stain(
    source: Source, normaliser: Normaliser, folder: str | Path, name: str, mpp: float | None = None
) -> dict[str, Path]:
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
    dict
        "normalised", "haematoxylin", "eosin", "comparison", "stain": the file written.

    Raises
    ------
    NusegError
        The source is damaged, or a file cannot be written.
    """
    suffixes = {"normalised": ".tif", "stain": ".json"}
    paths = {what: Path(folder) / what / f"{name}{suffixes.get(what, '.png')}" for what in FOLDERS}
    large = source.width * source.height > MIN_SLIDE_PIXELS
    pixels = source.thumbnail(OVERVIEW) if large else source.read_whole()
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
    return paths


def tissue_piece(source: Source, mpp: float | None = None) -> RGB:
    """Read a piece of level 0 from the middle of a source's tissue: `(800, 800, 3)` uint8."""
    tissue, _ = find_tissue_and_glass(source, source.resolution(mpp).mpp)
    squares = choose_squares(source, tissue)
    x, y = squares[len(squares) // 2]
    return source.read(0, x, y, DETAIL, DETAIL)


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
