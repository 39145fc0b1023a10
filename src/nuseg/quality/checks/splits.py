"""Splits that differ: in the size of their nuclei, or by having none."""

from collections.abc import Sequence

import numpy as np

from nuseg.datasets.dataset import SPLITS
from nuseg.quality.check import Check, Measured
from nuseg.quality.finding import Finding, View
from nuseg.quality.sample import Sample
from nuseg.types import Floats

FEW_NUCLEI, FEW_GROUPS = 50, 3  # in a split: with fewer, it is not compared
FACTOR = 1.3  # by which the median diameters of two splits differ


def measure(sample: Sample) -> Floats:
    """Measure the diameters (um) of an image's nuclei: (n,) float32."""
    return np.asarray(sample.diameters_um, np.float32)


def judge(measured: Sequence[Measured[Floats]]) -> list[Finding]:
    """Compare every split with the split of training."""
    by_split = {name: [one for one in measured if one.item.split == name] for name in SPLITS}
    findings = [_empty(name, members) for name, members in by_split.items() if members and not _count(members)]
    train = by_split["train"]
    if _comparable(train):
        for name, members in by_split.items():
            ratio = _median(members) / _median(train) if name != "train" and _comparable(members) else 1.0
            if max(ratio, 1 / ratio) >= FACTOR:
                findings.append(_different(name, members, ratio))
    return findings


def _count(members: Sequence[Measured[Floats]]) -> int:
    return sum(one.facts.size for one in members)


def _comparable(members: Sequence[Measured[Floats]]) -> bool:
    return _count(members) >= FEW_NUCLEI and len({one.item.group for one in members}) >= FEW_GROUPS


def _median(members: Sequence[Measured[Floats]]) -> float:
    return float(np.median(np.concatenate([one.facts for one in members])))


def _empty(name: str, members: Sequence[Measured[Floats]]) -> Finding:
    images = tuple(one.item.name for one in members)
    return Finding(
        "splits",
        "warning",
        images,
        f"no image of the split {name} has nuclei",
        "split again, with more images or other groups",
        (View(images[0], f"{images[0]} ({name})"),),
    )


def _different(name: str, members: Sequence[Measured[Floats]], ratio: float) -> Finding:
    images = tuple(one.item.name for one in members)
    return Finding(
        "splits",
        "note",
        images,
        f"nuclei of the split {name} are {ratio:.2f} times as large across as those of train: scores of one say little "
        "of the other",
        "check that both have the same organs and resolution, or split again",
        tuple(View(image, f"{image} ({name})") for image in images[:2]),
    )


CHECK = Check(
    name="splits",
    title="Splits",
    help="Splits without nuclei, or with nuclei of another size than those of training.",
    position=90,
    measure=measure,
    judge=judge,
)
