"""Holes in nuclei."""

from collections.abc import Sequence

import cv2
import numpy as np

from nuseg.quality.check import INSTANCES, Check, Measured
from nuseg.quality.finding import Finding
from nuseg.quality.sample import Sample
from nuseg.quality.suspects import Suspect, Suspects, judge_suspects
from nuseg.text import plural

LEAST_UM2 = 0.2  # smaller holes come of drawing polygons on pixels
LEAST_PX = 3


def measure(sample: Sample) -> Suspects:
    """Find background that one nucleus alone surrounds."""
    background = (sample.labels == 0).astype(np.uint8)
    _, gaps, statistics, _ = cv2.connectedComponentsWithStats(background, connectivity=4, ltype=cv2.CV_32S)
    height, width = sample.labels.shape
    holes: dict[int, int] = {}
    for gap, (left, top, wide, high, area) in enumerate(statistics.tolist()):
        touches_border = left == 0 or top == 0 or left + wide == width or top + high == height
        if gap == 0 or touches_border or area < LEAST_PX or area * sample.mpp**2 < LEAST_UM2:
            continue
        crop = slice(top - 1, top + high + 1), slice(left - 1, left + wide + 1)
        around = cv2.dilate((gaps[crop] == gap).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        owners = np.unique(sample.labels[crop][around & (gaps[crop] != gap)])
        owners = owners[owners > 0]
        if owners.size == 1 and sample.known[owners[0]]:
            holes[int(owners[0])] = holes.get(int(owners[0]), 0) + area
    places = tuple(Suspect(sample.box(number), (number,), float(area)) for number, area in holes.items())
    return Suspects(places, sample.count)


def judge(measured: Sequence[Measured[Suspects]]) -> list[Finding]:
    """Tell of nuclei with holes."""
    return judge_suspects(
        measured,
        "holes",
        lambda count, of: f"{plural(count, 'nucleus', 'nuclei')} of {of:,} with a hole",
        "fill the holes: a nucleus is outlined once, from outside",
    )


CHECK = Check(
    name="holes",
    title="Holes",
    help="Background within a nucleus.",
    position=45,
    measure=measure,
    judge=judge,
    kinds=INSTANCES,
)
