"""Pairs one to one: of all that could be paired, those with the highest sum of weights."""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from nuseg.types import Floats, Integers


def best_pairs(left: Integers, right: Integers, weight: Floats) -> Integers:
    """Choose pairs so that nothing is in two of them and the sum of their weights is highest.

    Parameters
    ----------
    left, right : (k,) integer
        The two members of each pair that is possible, each counted from 0 on its own side.
    weight : (k,) float
        Of each pair, above 0.

    Returns
    -------
    (n,) int64
        Indices of the chosen pairs, ascending.
    """
    if not left.size:
        return np.zeros(0, np.int64)
    rows, columns = int(left.max()) + 1, int(right.max()) + 1
    # The solver matches every row, so each may also take a blank column of its own. Adding 1 to all weights changes
    # every full matching alike, and keeps the blanks' 0 from being taken for "no edge".
    row = np.concatenate([left, np.arange(rows)])
    column = np.concatenate([right, columns + np.arange(rows)])
    graph = csr_array((np.concatenate([1 + weight, np.ones(rows)]), (row, column)), shape=(rows, columns + rows))
    taken = np.empty(rows, np.int64)
    chosen_row, chosen_column = min_weight_full_bipartite_matching(graph, maximize=True)
    taken[chosen_row] = chosen_column
    return np.flatnonzero(taken[left] == right)
