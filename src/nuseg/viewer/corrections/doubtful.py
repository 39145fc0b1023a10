"""Which nucleus to look at next: the one that the model is least sure of."""

from typing import NamedTuple

import numpy as np
import shapely

from nuseg.annotations.corrections.entries import Key
from nuseg.annotations.corrections.state import State
from nuseg.types import Mask
from nuseg.viewer.corrections.editing import Nuclei


class Doubtful(NamedTuple):
    """A nucleus, the place of its centroid (px of level 0), and the probability that it is one."""

    nucleus: int
    x: float
    y: float
    probability: float


def next_doubtful(nuclei: Nuclei, state: State, after: Key | None = None) -> Doubtful | None:
    """Find the next nucleus that nobody judged, in the order of how near its probability is to 0.5.

    Judged are those that were accepted or rejected, deleted or redrawn, and those in finished regions.

    Parameters
    ----------
    nuclei : Nuclei
    state : State
    after : key, optional
        The nucleus that was looked at before; the search goes on behind it.

    Returns
    -------
    Doubtful or None
        None where all are judged, or probabilities are not known.
    """
    probability = nuclei.columns.get("probability")
    if probability is None or not len(nuclei):
        return None
    doubt = np.abs(np.asarray(probability, np.float64) - 0.5)
    open_ = ~_judged(nuclei, state) & np.isfinite(doubt)
    if isinstance(after, int) and 0 <= after < len(nuclei) and np.isfinite(doubt[after]):
        behind = (doubt > doubt[after]) | ((doubt == doubt[after]) & (np.arange(len(doubt)) > after))
        open_ &= behind
    if not open_.any():
        return None
    found = int(np.argmin(np.where(open_, doubt, np.inf)))
    x, y = (float(nuclei.columns[name][found]) for name in ("x", "y"))
    return Doubtful(found, x, y, float(probability[found]))


def _judged(nuclei: Nuclei, state: State) -> Mask:
    judged = np.zeros(len(nuclei), bool)
    judged[list(state.deleted)] = True
    judged[[place for place, one in state.changed.items() if one.verdict or one.polygon]] = True
    x, y = nuclei.columns["x"], nuclei.columns["y"]
    for region in state.finished.values():
        area = shapely.Polygon(region.polygon)
        shapely.prepare(area)
        judged |= shapely.contains_xy(area, x, y)
    return judged
