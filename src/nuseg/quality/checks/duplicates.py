"""Images that are in the dataset twice, above all in two splits: leakage."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

from nuseg.quality.check import EVERY_KIND, Check, Measured
from nuseg.quality.finding import Finding, View
from nuseg.quality.keypoints import SAME, Keypoints, find_keypoints, points_in_common
from nuseg.quality.sample import Sample


def measure(sample: Sample) -> Keypoints:
    """Find the marked points of an image."""
    return find_keypoints(sample.pixels, sample.mpp)


def judge(measured: Sequence[Measured[Keypoints]]) -> list[Finding]:
    """Tell of pairs of images that share a part, and of groups that are in several splits."""
    mirrored = [one.facts.mirrored() for one in measured]
    pairs = [
        (measured[first], measured[second], common)
        for first, second in combinations(range(len(measured)), 2)
        if (common := _common(measured[first].facts, measured[second].facts, mirrored[second])) >= SAME
    ]
    leaks = [_of_pair(*pair) for pair in pairs if pair[0].item.split != pair[1].item.split]
    twins = [_of_pair(*pair) for pair in pairs if pair[0].item.split == pair[1].item.split]
    return leaks + _divided_groups(measured) + twins


def _common(one: Keypoints, other: Keypoints, mirror: Keypoints) -> int:
    common = points_in_common(one, other)
    return common if common >= SAME else points_in_common(one, mirror)


def _of_pair(one: Measured[Keypoints], other: Measured[Keypoints], common: int) -> Finding:
    names, splits = (one.item.name, other.item.name), (one.item.split, other.item.split)
    leaks = splits[0] != splits[1]
    where = f"in the splits {splits[0]} and {splits[1]}: leakage" if leaks else f"both in the split {splits[0]}"
    return Finding(
        "duplicates",
        "warning" if leaks else "note",
        names,
        f"{names[0]} and {names[1]} show the same tissue, {where} ({common} marked points in common)",
        "put them into one group, and split again; or leave one of them out"
        if leaks
        else "leave one of them out, or put them into one group so that no split parts them",
        tuple(View(name, f"{name} ({split})", outlined=False) for name, split in zip(names, splits, strict=True)),
    )


def _divided_groups(measured: Sequence[Measured[Keypoints]]) -> list[Finding]:
    splits: dict[str, set[str]] = defaultdict(set)
    names: dict[str, list[str]] = defaultdict(list)
    for one in measured:
        splits[one.item.group].add(one.item.split)
        names[one.item.group].append(one.item.name)
    return [
        Finding(
            "duplicates",
            "warning",
            tuple(names[group]),
            f"group {group} is in the splits {' and '.join(sorted(found))}: leakage",
            "split again, so that all images of a patient or slide are in one split",
        )
        for group, found in splits.items()
        if len(found) > 1
    ]


CHECK = Check(
    name="duplicates",
    title="Leakage and duplicates",
    help="Images that show the same tissue, also turned, mirrored, cut out, enlarged or compressed; and groups that "
    "are divided between splits.",
    position=70,
    measure=measure,
    judge=judge,
    kinds=EVERY_KIND,
)
