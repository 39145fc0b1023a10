"""Checks of images and annotations before they become a dataset; pure functions on arrays."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nuseg.annotations.labels import pieces
from nuseg.datasets.findings import Finding

# Medians of public H&E sets at their stated resolutions run from 12 to 60 um2; single images vary more.
PLAUSIBLE_AREA_UM2 = (10.0, 200.0)
SPECK_UM2 = 2.0


def nucleus_areas(labels: np.ndarray) -> np.ndarray:
    """Areas in pixels of nuclei 1..N of a (h, w) label image: (N,) int."""
    return np.bincount(labels.ravel(), minlength=1)[1:]


def pieces_per_nucleus(labels: np.ndarray) -> np.ndarray:
    """Number of 8-connected pieces of nuclei 1..N of a (h, w) label image: (N,) int."""
    return np.bincount(pieces(labels)[0], minlength=int(labels.max(initial=0)) + 1)[1:]


@dataclass(frozen=True)
class LabelFacts:
    """What a label image holds.

    Attributes
    ----------
    areas_um2 : (N,) float
        Area of each nucleus.
    split : int
        Nuclei in several pieces.
    specks : int
        Nuclei smaller than `SPECK_UM2`.
    covered, largest : float
        Share of the image that all nuclei and the largest one cover.
    """

    areas_um2: np.ndarray
    split: int
    specks: int
    covered: float
    largest: float


def describe_labels(labels: np.ndarray, mpp: float) -> LabelFacts:
    """Count what there is in a (h, w) int32 label image of nuclei 1..N at `mpp` um per pixel."""
    areas = nucleus_areas(labels)
    return LabelFacts(
        areas_um2=areas * mpp**2,
        split=int((pieces_per_nucleus(labels) > 1).sum()),
        specks=int((areas * mpp**2 < SPECK_UM2).sum()),
        covered=float(areas.sum() / labels.size),
        largest=float(areas.max(initial=0) / labels.size),
    )


def check_labels(facts: LabelFacts, *, eight_bit: bool = False) -> list[str]:
    """Say what is odd about a label image; nothing here is an error by itself.

    Parameters
    ----------
    facts : LabelFacts
    eight_bit : bool
        The labels are stored in 8 bits, so that those above 255 may have been cut.
    """
    count = facts.areas_um2.size
    if count == 0:
        return ["annotation is empty: no nuclei"]
    found = []
    if count == 1:
        found.append("annotation has one nucleus only")
    if count > 1 and facts.largest > 0.5:
        found.append("one nucleus covers more than half of the image: is the background labelled? it must be 0")
    elif facts.covered > 0.8:
        found.append("nuclei cover more than 80 % of the image: is the mask inverted? nuclei must be non-zero")
    if facts.split > max(2, 0.05 * count):
        cause = "; were labels above 255 cut to 8 bits?" if eight_bit and count > 200 else ""
        found.append(f"more than 5 % of the nuclei are in several pieces{cause}")
    if facts.specks > max(2, 0.05 * count):
        found.append(f"more than 5 % of the nuclei are specks below {SPECK_UM2:g} um2")
    return found


def find_duplicates(hashes: Mapping[str, str]) -> list[list[str]]:
    """Names with the same content hash, as sorted lists of two or more names."""
    names: dict[str, list[str]] = {}
    for name in sorted(hashes):
        names.setdefault(hashes[name], []).append(name)
    return [same for same in names.values() if len(same) > 1]


def check_area(median_um2: float, what: str) -> list[Finding]:
    """Warn of a median nucleus area that no tissue has: the resolution is probably wrong."""
    low, high = PLAUSIBLE_AREA_UM2
    if low <= median_um2 <= high:
        return []
    direction = "smaller" if median_um2 > high else "larger"
    text = (
        f"median nucleus area {median_um2:.3g} um2 is outside {low:g}-{high:g} um2: the resolution is "
        f"probably wrong; give a {direction} mpp="
    )
    return [Finding("warning", text, what)]
