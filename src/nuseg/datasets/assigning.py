"""What each image gets by the settings: its group, its resolution, its split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from nuseg.datasets.checks import find_duplicates
from nuseg.datasets.convert import Converted
from nuseg.datasets.findings import Finding
from nuseg.datasets.grouping import given_split, groups_by_pattern, read_column
from nuseg.datasets.settings import PrepareSettings
from nuseg.datasets.split import split_groups
from nuseg.errors import NusegError
from nuseg.io.resolution import check_mpp

EVERY_REGION = "(.+)"
"""As `group`: the whole name, so that of images that are made of regions every one is its own group; for few slides."""


class Plan(Protocol):
    """What decides which group, resolution and split images have."""

    def groups(self, names: Sequence[str]) -> tuple[dict[str, str], str]:
        """Give the group of every name, and the rule in words."""

    def resolutions(self, names: Sequence[str]) -> dict[str, float]:
        """Give the resolution (um/px) of every name for which one is known."""

    def splits(self, done: Sequence[Converted], groups: Mapping[str, str]) -> tuple[dict[str, str], str]:
        """Give the split of every image, and the rule in words."""

    @property
    def record(self) -> Mapping[str, Any]:
        """What else dataset.json says."""


@dataclass(frozen=True)
class BySettings:
    """Groups, resolutions and splits as the user's settings say."""

    settings: PrepareSettings

    def groups(self, names: Sequence[str]) -> tuple[dict[str, str], str]:
        """See `assign_groups`; where images are made of regions, their names are not known yet."""
        return assign_groups(names, replace(self.settings, group=None) if self.settings.cuts else self.settings)

    def resolutions(self, names: Sequence[str]) -> dict[str, float]:
        """See `assign_resolutions`."""
        return assign_resolutions(names, self.settings)

    def splits(self, done: Sequence[Converted], groups: Mapping[str, str]) -> tuple[dict[str, str], str]:
        """See `assign_splits`."""
        return assign_splits(done, groups, self.settings)

    @property
    def record(self) -> Mapping[str, Any]:
        """Nothing else."""
        return {}


def assign_groups(names: Sequence[str], settings: PrepareSettings) -> tuple[dict[str, str], str]:
    """Give the group of every name, and the rule in words.

    Raises
    ------
    NusegError
        Two rules are given, or the one given does not fit the names.
    """
    if settings.group is not None and settings.group_column is not None:
        raise NusegError("group= and group_column=: give one of them")
    if settings.group is not None:
        return groups_by_pattern(names, settings.group), f"groups: by group='{settings.group}'"
    if settings.group_column is not None:
        table = _table(settings, "group_column")
        groups = read_column(table, settings.group_column, names)
        return groups, f"groups: column {settings.group_column} of {table.name}"
    rule = "groups: every image is its own; give group= if several come from one patient or slide"
    return {name: name for name in names}, rule


def groups_of_regions(
    done: Sequence[Converted], groups: Mapping[str, str], settings: PrepareSettings
) -> tuple[dict[str, str], str]:
    """Give the group of every region's image, and the rule in words: its slide's, or as `group` finds it in its name.

    Parameters
    ----------
    done : sequence of Converted
    groups : mapping of str to str
        The group of every slide.
    settings : PrepareSettings
    """
    if settings.group is not None:
        return assign_groups([one.name for one in done], settings)
    rule = "groups: regions of one slide stay together"
    if settings.group_column is not None:
        rule += f", by column {settings.group_column}"
    return {one.name: groups[one.origin] for one in done}, rule


def assign_resolutions(names: Sequence[str], settings: PrepareSettings) -> dict[str, float]:
    """Give the resolution (um/px) of every name for which the settings say one.

    Raises
    ------
    NusegError
        It is said twice, or is implausible.
    """
    if settings.mpp is not None and settings.mpp_column is not None:
        raise NusegError("mpp= and mpp_column=: give one of them")
    if settings.mpp is not None:
        return dict.fromkeys(names, check_mpp(settings.mpp, "mpp="))
    if settings.mpp_column is None:
        return {}
    table = _table(settings, "mpp_column")
    result = {}
    for name, text in read_column(table, settings.mpp_column, names).items():
        try:
            result[name] = check_mpp(float(text), f"{table}: {name}", "correct the table")
        except ValueError:
            raise NusegError(f"{table}: {settings.mpp_column} of {name} is {text!r}, expected um per pixel") from None
    return result


def assign_splits(
    done: Sequence[Converted], groups: Mapping[str, str], settings: PrepareSettings
) -> tuple[dict[str, str], str]:
    """Give the split of every image, and the rule in words.

    Raises
    ------
    NusegError
        A given split divides a group, or there are too few groups to split.
    """
    if settings.split_column is not None:
        table = _table(settings, "split_column")
        by_origin = read_column(table, settings.split_column, list(dict.fromkeys(one.origin for one in done)))
        values = {one.name: by_origin[one.origin] for one in done}
        return given_split(values, groups, str(table)), f"split: column {settings.split_column} of {table.name}"
    by_group = split_groups(group_sizes(done, groups), settings.split, settings.seed)
    shares = ",".join(f"{share:g}" for share in settings.split)
    rule = f"split: whole groups, shares {shares} of images and nuclei, seed {settings.seed}"
    return {one.name: by_group[groups[one.name]] for one in done}, rule


def group_sizes(done: Sequence[Converted], groups: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """Give the number of images and of nuclei of every group."""
    sizes: dict[str, tuple[int, int]] = {}
    for one in done:
        images, nuclei = sizes.get(groups[one.name], (0, 0))
        sizes[groups[one.name]] = (images + 1, nuclei + one.nuclei)
    return sizes


def join_duplicates(done: Sequence[Converted], groups: Mapping[str, str]) -> tuple[dict[str, str], list[Finding]]:
    """Put groups that share an image into one, so that no image is in two splits."""
    joined, findings = dict(groups), []
    for same in find_duplicates({one.name: one.pixel_hash for one in done}):
        text = "the same image under several names"
        involved = sorted({joined[name] for name in same})
        if len(involved) > 1:
            text += ", in several groups: these are joined"
            joined = {name: involved[0] if group in involved else group for name, group in joined.items()}
        findings.append(Finding("warning", text, " = ".join(same)))
    return joined, findings


def _table(settings: PrepareSettings, name: str) -> Path:
    if settings.table is None:
        raise NusegError(f"{name}=: needs a CSV with a column 'name'; give it with table=")
    return settings.table
