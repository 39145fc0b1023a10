"""The content of `dataset.json`: counts, resolution, fingerprint, items."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from nuseg.datasets.convert import Converted
from nuseg.datasets.dataset import SPLITS

FURTHER = ("table", "ignore", "points")
"""Files of an item beside image and label image, where there are any."""


@dataclass(frozen=True)
class SplitCounts:
    """Size of a split; `median_area_um2` is None without outlines, `classes` are nuclei by class."""

    images: int
    groups: int
    nuclei: int
    median_area_um2: float | None
    classes: dict[str, int] = field(default_factory=dict)


def fingerprint(
    items: Sequence[Converted], groups: Mapping[str, str], split: Mapping[str, str], annotation: str
) -> str:
    """SHA-256 over all that training and scores depend on, in order of names.

    These are names, pixels, labels, classes, points, what is not known, resolutions, groups, splits and the kind of
    annotation.
    """
    digest = hashlib.sha256(annotation.encode())
    for one in sorted(items, key=lambda one: one.name):
        mpp = f"{one.resolution.mpp:.6g}"
        parts = [one.name, one.pixel_hash, one.label_hash, mpp, groups[one.name], split[one.name]]
        parts += [one.further_hash] if one.further_hash else []
        digest.update(json.dumps(parts).encode())
    return digest.hexdigest()


def count_splits(
    items: Sequence[Converted], groups: Mapping[str, str], split: Mapping[str, str]
) -> dict[str, SplitCounts]:
    """Size of every split that has images."""
    counts = {}
    for name in SPLITS:
        members = [one for one in items if split[one.name] == name]
        if not members:
            continue
        areas = np.concatenate([one.facts.areas_um2 for one in members])
        classes = sum((one.classes for one in members), Counter[str]())
        counts[name] = SplitCounts(
            images=len(members),
            groups=len({groups[one.name] for one in members}),
            nuclei=sum(one.nuclei for one in members),
            median_area_um2=round(float(np.median(areas)), 2) if areas.size else None,
            classes={known: classes[known] for known in class_names(items)},
        )
    return counts


def count_record(
    items: Sequence[Converted],
    groups: Mapping[str, str],
    split: Mapping[str, str],
    counts: Mapping[str, SplitCounts],
) -> dict[str, Any]:
    """Counts in all, by split and by group."""
    by_group: dict[str, dict[str, Any]] = {}
    for one in sorted(items, key=lambda one: (groups[one.name], one.name)):
        entry = by_group.setdefault(groups[one.name], {"split": split[one.name], "images": 0, "nuclei": 0})
        entry["images"] += 1
        entry["nuclei"] += one.nuclei
    return {
        "images": len(items),
        "nuclei": sum(count.nuclei for count in counts.values()),
        "splits": {name: _as_record(count) for name, count in counts.items()},
        "groups": by_group,
    }


def _as_record(count: SplitCounts) -> dict[str, Any]:
    """Give the size of a split as it is written: with classes where there are any."""
    return {key: value for key, value in asdict(count).items() if key != "classes" or value}


def class_names(items: Sequence[Converted]) -> list[str]:
    """Name the classes that nuclei have: in the order that annotations list them, those of the first image first."""
    in_order = sorted(items, key=lambda one: one.name)
    used = set().union(*(one.classes for one in in_order))
    return [name for name in dict.fromkeys(name for one in in_order for name in one.vocabulary) if name in used]


def resolution_record(items: Sequence[Converted]) -> dict[str, Any]:
    """Range of the resolutions, and where they come from with the number of images."""
    values = [one.resolution.mpp for one in items]
    sources = Counter(one.resolution.source for one in items)
    return {"min": min(values), "max": max(values), "sources": dict(sorted(sources.items()))}


def item_records(
    items: Sequence[Converted], groups: Mapping[str, str], split: Mapping[str, str]
) -> list[dict[str, Any]]:
    """One record for every image, in order of names."""
    return [
        {
            "name": one.name,
            "image": one.image,
            "label": one.label,
            "mpp": one.resolution.mpp,
            "split": split[one.name],
            "group": groups[one.name],
            "nuclei": int(one.nuclei),
            **{key: place for key in FURTHER if (place := getattr(one, key)) is not None},
        }
        for one in sorted(items, key=lambda one: one.name)
    ]


def own_version() -> str:
    """Version of nuseg, or "not installed" where it runs from source."""
    try:
        return version("nuseg")
    except PackageNotFoundError:
        return "not installed"
