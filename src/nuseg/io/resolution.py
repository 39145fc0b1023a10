"""The resolution of an image in micrometres per pixel (mpp): its sources, and which values are believed."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Protocol

from nuseg.errors import NusegError

DEFAULT_MPP = 0.25
MIN_MPP, MAX_MPP = 0.1, 2.0
MAX_OBJECTIVE = 200.0
SAME = 0.02  # resolutions this close are the same: rescaling would blur and gain nothing
CONTRADICTION = 0.05  # a given resolution that differs from the stated one by this share is noted
# Pixels whose sides differ by more than this share are not square; less is rounding in the file's numbers.
SQUARE_TOLERANCE = 0.05


@dataclass(frozen=True)
class Resolution:
    """A resolution that has been checked.

    Attributes
    ----------
    mpp
        Micrometres per pixel, within `MIN_MPP`..`MAX_MPP`.
    source
        Where it comes from, in words: "given by the user", the metadata field, or "default".
    note
        What the user should know of it; empty where it was stated and not contradicted.
    """

    mpp: float
    source: str
    note: str = ""


@dataclass(frozen=True)
class PixelSize:
    """What a file says about the size of its pixels.

    Attributes
    ----------
    x, y
        Micrometres per pixel along the width and the height, unchecked.
    source
        The metadata field, in words.
    printing
        Whether the field is meant for printing (dots per inch). Such fields mostly hold meaningless defaults
        (72, 96, 300 dpi), so an implausible value there counts as none, while in a field for microscopy it is
        an error.
    fault
        A field that was passed over since it holds no size, in words.
    """

    x: float
    y: float
    source: str
    printing: bool = False
    fault: str = ""

    @property
    def is_size(self) -> bool:
        """Whether both are positive numbers."""
        return all(0 < side < math.inf for side in (self.x, self.y))

    @property
    def shown(self) -> str:
        """The field with what it says."""
        return f"{self.source} of {self.x:g} x {self.y:g} um"


def first_size(claims: Iterable[PixelSize | None]) -> PixelSize | None:
    """Choose the first field that holds a size; it, or else the first that holds none, says which was passed over."""
    stated = [claim for claim in claims if claim is not None]
    sizes = [claim for claim in stated if claim.is_size]
    faults = [claim.shown for claim in stated if not claim.is_size and not claim.printing]
    if sizes:
        return replace(sizes[0], fault=faults[0] if faults and stated[0] is not sizes[0] else "")
    return replace(stated[0], fault=faults[0] if faults else "") if stated else None


class Measured(Protocol):
    """What has a resolution, as its file's metadata give it: an image or a slide."""

    @property
    def path(self) -> Path | None: ...

    @property
    def mpp(self) -> float | None: ...

    @property
    def mpp_source(self) -> str | None: ...

    @property
    def mpp_problem(self) -> str | None: ...


def plausible_objective(magnification: float | None) -> float | None:
    """Give an objective's magnification where there is such an objective, else None."""
    return magnification if magnification and 0 < magnification <= MAX_OBJECTIVE else None


def check_mpp(mpp: float, where: str, advice: str = "give the right value with mpp=") -> float:
    """Return `mpp` if it is a plausible resolution for a microscope image.

    Parameters
    ----------
    mpp
        Micrometres per pixel.
    where
        Which file or setting the value belongs to; the message begins with it.
    advice
        What to do; the message ends with it.

    Raises
    ------
    NusegError
        If `mpp` is not a number within `MIN_MPP`..`MAX_MPP`.
    """
    if isinstance(mpp, bool) or not isinstance(mpp, Real) or not MIN_MPP <= mpp <= MAX_MPP:
        shown = f"{mpp:g}" if isinstance(mpp, Real) else repr(mpp)
        raise NusegError(
            f"{where}: resolution of {shown} um/px, expected {MIN_MPP:g} to {MAX_MPP:g} um/px "
            f"(a 40x scan has about 0.25, a 20x scan 0.5); {advice}"
        )
    return float(mpp)


def judge(size: PixelSize | None, path: Path | None) -> tuple[Resolution | None, str | None]:
    """Decide whether to believe what a file says about its pixels.

    Parameters
    ----------
    size
        The file's statement; None where it makes none.
    path
        The file, for the message.

    Returns
    -------
    resolution, problem
        At most one of the two: the checked resolution (mean of both directions), or a sentence that says why
        the stated one cannot be used. Both are None where the file says nothing worth believing, or no number above 0.
    """
    if size is None or not size.is_size:
        return None, None
    if size.printing and not all(MIN_MPP <= side <= MAX_MPP for side in (size.x, size.y)):
        return None, None
    try:
        for side in (size.x, size.y):
            check_mpp(side, f"{path or 'image'}: {size.source}")
    except NusegError as error:
        return None, str(error)
    if abs(size.x - size.y) > SQUARE_TOLERANCE * min(size.x, size.y):
        return None, (
            f"{path or 'image'}: {size.source}: pixels of {size.x:g} x {size.y:g} um, expected square ones; "
            "resample the image, or give the resolution to use with mpp="
        )
    return Resolution(math.fsum((size.x, size.y)) / 2, size.source), None


def resolve_mpp(image: Measured, mpp: float | None) -> Resolution:
    """Settle the resolution of an image: the user's value, else the file's, else a default with a note.

    Parameters
    ----------
    image
        The image or slide; only its metadata is looked at.
    mpp
        The user's value in micrometres per pixel, or None.

    Returns
    -------
    Resolution
        With a note if neither says anything, and `DEFAULT_MPP` is taken, or if both do and differ by 5 % or more.

    Raises
    ------
    NusegError
        If the user's value is implausible, or, without one, the file's value is implausible or its pixels are
        not square.
    """
    name = str(image.path) if image.path is not None else "image"
    if mpp is not None:
        return Resolution(check_mpp(mpp, f"{name}: mpp="), "given by the user", contradiction(image, mpp, name))
    if image.mpp_problem is not None:
        raise NusegError(image.mpp_problem)
    if image.mpp is not None:
        return Resolution(check_mpp(image.mpp, name), image.mpp_source or "metadata")
    note = f"{name}: no resolution in the file, {DEFAULT_MPP:g} um/px (40x) assumed; give the right one with mpp="
    return Resolution(DEFAULT_MPP, "default", note)


def contradiction(image: Measured, mpp: float, name: str) -> str:
    """Say that a given resolution is not the one that the file states; empty where they differ by less than 5 %."""
    stated = image.mpp
    if stated is None or abs(mpp - stated) / stated < CONTRADICTION - 1e-9:
        return ""
    times = mpp / stated
    return (
        f"{name}: the file states {stated:.4g} um/px ({image.mpp_source or 'metadata'}), but mpp= says {mpp:.4g}, "
        f"which was taken: lengths are {times:.3g} times and areas {times**2:.3g} times those by the file"
    )
