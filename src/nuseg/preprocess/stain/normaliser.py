"""Normalise images and slides: fitted on the whole source, applied to any part of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nuseg.errors import NusegError
from nuseg.io.image import Image
from nuseg.io.opening import open_source
from nuseg.io.source import Source
from nuseg.preprocess.stain.amounts import density_over, stained_with
from nuseg.preprocess.stain.fit import StainFit
from nuseg.preprocess.stain.method import StainMethod
from nuseg.preprocess.stain.registry import shipped_target, stain_methods
from nuseg.preprocess.stain.sampling import sample_source
from nuseg.types import RGB

Picture = str | Path | np.ndarray | Image | Source
Reference = str | Path | np.ndarray | Image | Source | StainFit
PART = 1 << 20  # pixels that are done at once: floats of a whole image would take its memory many times
DEFAULT_METHOD = "macenko"


@dataclass(frozen=True)
class Normaliser:
    """Gives the pixels of one source the look of a target.

    Attributes
    ----------
    method : StainMethod
    found : StainFit
        How the source is stained.
    target : StainFit
        How it shall be.
    """

    method: StainMethod
    found: StainFit
    target: StainFit

    def __call__(self, pixels: RGB) -> RGB:
        """Normalise pixels of the source.

        Parameters
        ----------
        pixels : (h, w, 3) uint8
            RGB, any part at any resolution.

        Returns
        -------
        (h, w, 3) uint8
            Each pixel depends on itself alone. Glass is white. Where the source has too little stain to be fitted, the
            pixels stay as they are.
        """
        if self.found.blank:
            return pixels
        return in_parts(lambda part: self.method.transform(part, self.found, self.target), pixels)

    def separate(self, pixels: RGB) -> tuple[RGB, RGB]:
        """Show haematoxylin and eosin each alone, in the source's own colours.

        Parameters
        ----------
        pixels : (h, w, 3) uint8

        Returns
        -------
        haematoxylin, eosin : (h, w, 3) uint8
            RGB on white.
        """
        found = self.found

        def alone(part: RGB) -> RGB:
            amounts = self.method.amounts(density_over(part, found.white), found.vectors)
            return np.concatenate([stained_with(amounts[..., [k]], found.vectors[[k]]) for k in (0, 1)], axis=2)

        both = in_parts(alone, pixels)
        return both[..., :3], both[..., 3:]


def in_parts(change: Callable[[RGB], RGB], pixels: RGB) -> RGB:
    """Change pixels `(h, w, 3)` some rows at a time, in little memory."""
    rows = max(1, PART // pixels.shape[1])
    return np.concatenate([change(pixels[top : top + rows]) for top in range(0, len(pixels), rows)])


def fit_stain(source: Picture, method: str = DEFAULT_METHOD, mpp: float | None = None) -> StainFit:
    """Find how an image or a slide is stained.

    Parameters
    ----------
    source : path, array, Image or Source
        As of `nuseg.segment`. Of a slide a sample of its tissue is read.
    method : str
        "macenko", "vahadane" or "reinhard"; `nuseg.stain_methods` lists them.
    mpp : float, optional
        Resolution (um/px), over what the file says.

    Returns
    -------
    StainFit
        `.blank` where too little is stained.

    Raises
    ------
    NusegError
        The source cannot be read, or the method is unknown.

    Examples
    --------
    >>> nuseg.fit_stain("slide.svs").haematoxylin  # doctest: +SKIP
    (0.55, 0.72, 0.42)
    """
    chosen = stain_methods[method]
    opened = open_source(source)
    try:
        sample = sample_source(opened, mpp)
    finally:
        if opened is not source:
            opened.close()
    if not len(sample.stained):
        return StainFit(method=method, white=sample.white)
    return chosen.fit(sample.stained, sample.white)


def choose_target(method: str, reference: Reference | None = None) -> StainFit:
    """Settle how images shall be stained.

    Parameters
    ----------
    method : str
        Name of the method.
    reference : path, array, Image, Source or StainFit, optional
        What is stained as wanted: an image, a slide, or a fit, also as the JSON file that `StainFit.save` writes.
        Default: the target that comes with nuseg.

    Raises
    ------
    NusegError
        The reference cannot be read, is blank, or was fitted by another method.
    """
    if reference is None:
        stain_methods[method]  # an unknown one is said as such
        return shipped_target(method)
    where = "the reference"
    if isinstance(reference, str | Path):
        where = f"{reference}"
        if Path(reference).suffix.lower() == ".json":
            reference = StainFit.load(reference)
    target = reference if isinstance(reference, StainFit) else fit_stain(reference, method)
    if target.blank:
        raise NusegError(f"{where}: expected stained tissue to normalise to, found hardly any; name another image")
    if target.method != method:
        raise NusegError(
            f"{where}: fitted by {target.method:.200}, expected {method}; fit it again by method={method!r}"
        )
    return target


def plan_normaliser(
    source: Picture, method: str = DEFAULT_METHOD, reference: Reference | None = None, mpp: float | None = None
) -> Normaliser:
    """Fit a source, and settle what it shall look like; see `fit_stain` and `choose_target`."""
    target = choose_target(method, reference)
    return Normaliser(stain_methods[method], fit_stain(source, method, mpp), target)


def normalise_stain(
    source: Picture, method: str = DEFAULT_METHOD, reference: Reference | None = None, mpp: float | None = None
) -> Image:
    """Give a whole image the look of another.

    Parameters
    ----------
    source : path, array, Image or Source
        Of at most 1000 megapixels.
    method : str
        "macenko", "vahadane" or "reinhard"; `nuseg.stain_methods` lists them.
    reference : path, array, Image, Source or StainFit, optional
        What is stained as wanted; default: the target that comes with nuseg.
    mpp : float, optional
        Resolution (um/px), over what the file says.

    Returns
    -------
    Image
        Normalised pixels `(h, w, 3)` uint8 on white, with the resolution of the source.

    Raises
    ------
    NusegError
        The source or the reference cannot be read, or the method is unknown.

    Examples
    --------
    >>> image = nuseg.normalise_stain("pale.png", "vahadane")  # doctest: +SKIP
    >>> nuseg.normalise_stain("pale.png", reference="good.png").pixels  # doctest: +SKIP
    """
    opened = open_source(source)
    try:
        normaliser = plan_normaliser(opened, method, reference, mpp)
        resolution = (opened.mpp, opened.mpp_source) if mpp is None else (mpp, "given")
        return Image(normaliser(opened.read_whole()), *resolution, opened.path, notes=opened.notes)
    finally:
        if opened is not source:
            opened.close()
