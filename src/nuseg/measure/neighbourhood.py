"""What lies around every nucleus: how near its neighbours are, what they are like, and how they are aligned."""

import numpy as np
from scipy.spatial import cKDTree

from nuseg.types import Floats, Integers

NEAREST = 12  # neighbours whose measures are averaged
RANKS = (1, 3, 6, 12)  # of neighbours whose distance is a measure
RADII_UM = (25.0, 50.0)  # within which neighbours are counted
FAR_UM = 250.0  # a neighbour further away, or none, counts as so far
BLOCK = 65536  # nuclei looked up at once: memory does not grow beyond


def neighbourhood(places_um: Floats, values: dict[str, Floats], angles: Floats | None = None) -> dict[str, Floats]:
    """Measure the neighbourhood of every nucleus.

    Parameters
    ----------
    places_um : (n, 2) float64
        Centroids (um).
    values : dict of (n,) float
        Measures that are averaged over the `NEAREST` nearest neighbours within `FAR_UM`; of a nucleus without any, its
        own value is taken.
    angles : (n, 2) float, optional
        Cosine and sine of twice the angle of each nucleus' long axis, times its elongation 0..1 (0 = round).

    Returns
    -------
    dict of (n,) float32
        `neighbour_K_um`: distance to the K-th nearest neighbour; `within_R_um`: neighbours within R um; `around_NAME`:
        mean of a measure; with `angles` `alignment` (0 neighbours lie in all directions .. 1 all in one) and
        `own_alignment` (-1 across them .. 1 along them).
    """
    count = len(places_um)
    names = [*(f"neighbour_{rank}_um" for rank in RANKS), *(f"within_{radius:g}_um" for radius in RADII_UM)]
    found = {name: np.zeros(count, np.float32) for name in (*names, *(f"around_{name}" for name in values))}
    if angles is not None:
        found |= {name: np.zeros(count, np.float32) for name in ("alignment", "own_alignment")}
    if not count:
        return found
    tree = cKDTree(places_um)
    for start in range(0, count, BLOCK):
        block = slice(start, min(start + BLOCK, count))
        distances, near = nearest(tree, places_um, block)
        there = np.isfinite(distances)
        for rank in RANKS:
            found[f"neighbour_{rank}_um"][block] = np.minimum(distances[:, rank - 1], FAR_UM)
        for radius in RADII_UM:
            around = tree.query_ball_point(places_um[block], radius, return_length=True)
            found[f"within_{radius:g}_um"][block] = around - 1
        for name, own in values.items():
            found[f"around_{name}"][block] = mean_of(own, near, there, own[block])
        if angles is not None:
            mean = np.stack([mean_of(axis, near, there, np.zeros(len(near))) for axis in angles.T], axis=1)
            found["alignment"][block] = np.hypot(*mean.T)
            found["own_alignment"][block] = (mean * angles[block]).sum(axis=1)
    return found


def nearest(tree: cKDTree, places: Floats, block: slice) -> tuple[Floats, Integers]:
    """Find the nearest neighbours of a block of nuclei: distances (infinite where there are fewer) and places."""
    distances, near = tree.query(places[block], k=NEAREST + 1, distance_upper_bound=FAR_UM)
    own = np.arange(block.start, block.stop)[:, None]
    # The nucleus itself lies first, but of nuclei in one place any may.
    order = np.argsort(near != own, axis=1, kind="stable")
    order = np.where((near == own).any(axis=1)[:, None], order, np.arange(NEAREST + 1))[:, 1:]
    return np.take_along_axis(distances, order, 1), np.take_along_axis(near, order, 1)


def mean_of(values: Floats, near: Integers, there: np.ndarray, without: Floats) -> Floats:
    """Mean of a measure over neighbours, `(m,)`; `without` where there are none."""
    number = there.sum(axis=1)
    total = np.where(there, values[np.where(there, near, 0)], 0).sum(axis=1)
    return np.asarray(np.where(number > 0, total / np.maximum(number, 1), without))
