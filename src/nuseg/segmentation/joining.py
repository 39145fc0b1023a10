"""The nuclei that tiles share, once all tiles are done."""

from functools import lru_cache

import numpy as np

from nuseg.segmentation.checkpoint import Checkpoint
from nuseg.segmentation.components import ComponentPixels
from nuseg.segmentation.part_store import GIANT, JOINED, PARTS_KEPT, TILE, kept_arrays, load_part
from nuseg.segmentation.plan import Plan
from nuseg.segmentation.stitching import find_groups, giant_cells, nuclei_of, split_home
from nuseg.segmentation.tiles import ahead, thread_pool

MAX_CELLS = 1_000_000  # of one giant


def join_tiles(plan: Plan, parts: Checkpoint, workers: int) -> None:
    """Find the nuclei in components that several tiles share."""
    if len(plan.tiles) < 2:
        return

    classes = len(plan.rules.class_maps)

    @lru_cache(PARTS_KEPT)
    def load(number: int) -> ComponentPixels:
        return load_part(ComponentPixels, parts, (TILE, number), classes)

    groups = find_groups(plan.tiles, load)
    left = [number for number in np.unique(groups.home).tolist() if not parts.has(JOINED, number)]

    def join(number: int) -> None:
        usual, giants = split_home(number, groups)
        for group in giants.tolist():
            for cell, pixels in enumerate(giant_cells(group, groups, load)):
                parts.save(GIANT, group * MAX_CELLS + cell, kept_arrays(pixels.nuclei(plan.rules), classes))
        parts.save(JOINED, number, kept_arrays(nuclei_of(usual, groups, load, plan.rules), classes))

    with thread_pool(workers) as pool:
        for _ in ahead(pool, join, left):
            pass
