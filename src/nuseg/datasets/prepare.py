"""Make a nuseg dataset of a folder of images and annotations."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from nuseg.annotations.dataset_file import VERSION
from nuseg.datasets.assigning import BySettings, Plan, groups_of_regions, join_duplicates
from nuseg.datasets.checks import SPECK_UM2, check_area
from nuseg.datasets.convert import Converted, convert
from nuseg.datasets.corrected import find_corrected, is_corrected, settings_of_corrections
from nuseg.datasets.corrections import Corrections, total
from nuseg.datasets.dataset import Dataset, Kind
from nuseg.datasets.findings import Finding, listed, raise_errors
from nuseg.datasets.overview import write_contact_sheet
from nuseg.datasets.pairing import Pairs, find_pairs
from nuseg.datasets.record import (
    SplitCounts,
    class_names,
    count_record,
    count_splits,
    fingerprint,
    item_records,
    own_version,
    resolution_record,
)
from nuseg.datasets.rules import Rules
from nuseg.datasets.settings import PrepareSettings
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_folder, check_folder
from nuseg.io.places import plain_name, plain_name_of
from nuseg.notebook import with_bars
from nuseg.progress import ProgressCallback, tracked
from nuseg.text import plural, shown

__all__ = ["PrepareSettings", "Prepared", "check_output", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """A dataset that was made.

    Attributes
    ----------
    dataset : Dataset
    decisions : list of str
        What was decided by the settings or by looking: layout, format, groups, split.
    findings : list of Finding
        Warnings and notes.
    counts : dict of str to SplitCounts
        Size of every split.
    corrections : Corrections or None
        What was changed since the annotations that `compared_with` names.
    """

    dataset: Dataset
    decisions: list[str]
    findings: list[Finding]
    counts: dict[str, SplitCounts]
    corrections: Corrections | None = None


@with_bars
def prepare(
    source: str | Path,
    output: str | Path,
    settings: PrepareSettings | None = None,
    progress: ProgressCallback | None = None,
) -> Prepared:
    """Pair, read, check, split and write annotated images as a dataset.

    All files are looked at before errors are raised together. The dataset appears under its name when it is whole.

    Parameters
    ----------
    source : path
        Folder with images and annotations, see `nuseg.datasets.pairing.find_pairs`; or a folder of results that was
        corrected in the viewer, see `nuseg.datasets.corrected`.
    output : path
        The dataset to make.
    settings : PrepareSettings, optional
    progress : function, optional
        Told after every image.

    Returns
    -------
    Prepared

    Raises
    ------
    NusegError
        Anything wrong with files or settings; several problems are listed, one per line.
    """
    source, output, settings = Path(source), Path(output), settings or PrepareSettings()
    check_output(source, output, settings.overwrite)
    if is_corrected(source, settings):
        settings = settings_of_corrections(source, settings)
        found = find_corrected(source, settings.images)
    else:
        found = find_pairs(source, settings.images, settings.labels, settings.format)
    return make_dataset(source, output, found, settings, BySettings(settings), progress)


def make_dataset(
    source: Path, output: Path, found: Pairs, settings: PrepareSettings, plan: Plan, progress: ProgressCallback | None
) -> Prepared:
    """Read, check, split and write pairs of images and annotations, see `prepare`.

    Parameters
    ----------
    source : Path
        Where they come from, for messages.
    output : Path
    found : Pairs
    settings : PrepareSettings
    plan : Plan
        What decides groups, resolutions and splits.
    progress : function, optional

    Raises
    ------
    NusegError
        See `prepare`.
    """
    check_name(settings.name)
    findings = _unpaired(found, settings.skip_unpaired) + _left_out(found)
    names = [pair.name for pair in found.pairs]
    groups, group_rule = plan.groups(names)
    mpps = plan.resolutions(names)

    rules = Rules.of(settings, source)

    with atomic_folder(output) as folder:
        done: list[Converted] = []
        corrections: dict[str, Corrections] = {}
        for pair in tracked(found.pairs, "read and check", progress):
            made = convert(pair, found.format, mpps.get(pair.name, pair.mpp), folder, rules)
            findings += made.findings
            done += made.done
            if made.corrections is not None:
                corrections[pair.name] = made.corrections
        raise_errors(source, findings)
        findings += rules.findings()
        if not any(one.nuclei for one in done):
            raise NusegError(f"{source}: no annotation has any nucleus; is 0 the background, and is labels= right?")
        if settings.cuts:
            groups, group_rule = groups_of_regions(done, groups, settings)
        groups, joined = join_duplicates(done, groups)
        split, split_rule = plan.splits(done, groups)
        annotation, annotation_rule = _what_annotations_tell(done, settings.annotation)
        counts = count_splits(done, groups, split)
        record = {
            "version": VERSION,
            "name": settings.name or plain_name_of(output.resolve().name),
            "annotation": annotation,
            "classes": class_names(done),
            "licence": settings.licence,
            "source": settings.source,
            **plan.record,
            "nuseg": own_version(),
            "fingerprint": fingerprint(done, groups, split, annotation),
            "counts": count_record(done, groups, split, counts),
            "resolution": resolution_record(done),
            **_corrections_record(corrections, settings),
            "split": {"rule": split_rule, "groups": group_rule, "seed": settings.seed, "shares": settings.split},
            "items": item_records(done, groups, split),
        }
        (folder / "dataset.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        write_contact_sheet(Dataset.load(folder), folder / "contact_sheet.png")
    return Prepared(
        dataset=Dataset.load(output),
        decisions=[
            *_layout_and_format(found, settings.format),
            annotation_rule,
            group_rule,
            split_rule,
            *([f"corrections: {total(corrections.values())}"] if corrections else []),
        ],
        findings=findings + joined + _without_nuclei(done, groups, counts) + _implausible_areas(counts) + _totals(done),
        counts=counts,
        corrections=total(corrections.values()) if corrections else None,
    )


def check_name(name: str | None) -> None:
    """Refuse a name of a dataset that could not be that of a folder.

    Raises
    ------
    NusegError
    """
    try:
        if name:
            plain_name(name)
    except ValueError as problem:
        raise NusegError(f"name=: {problem}, found {shown(name)}") from None


def check_output(source: Path, output: Path, overwrite: bool) -> None:
    """Refuse an output that would destroy something.

    Raises
    ------
    NusegError
        It is a file, holds the source, is no dataset, or is one and `overwrite` is False.
    """
    if source.exists() and source.resolve().is_relative_to(output.resolve()):
        raise NusegError(f"{output}: holds the source {source}; write the dataset to another folder")
    check_free(output, overwrite)


def check_free(output: Path, overwrite: bool) -> None:
    """Refuse an output that would destroy something other than a dataset that may be replaced.

    Raises
    ------
    NusegError
        It is a file, is no dataset, or is one and `overwrite` is False.
    """
    check_folder(output)
    if output.is_dir() and any(output.iterdir()):
        if not (output / "dataset.json").is_file():
            raise NusegError(f"{output}: exists, is not empty and is no dataset; name another folder")
        if not overwrite:
            raise NusegError(f"{output}: exists; give overwrite= to replace it, or name another folder")


def _unpaired(found: Pairs, skip: bool) -> list[Finding]:
    """Warn of files without partner where they are left out; else raise them."""
    reasons = [(str(path), path.name, "image without annotation") for path in found.unpaired_images]
    reasons += [(str(entry), entry.name, "annotation without image") for entry in found.unpaired_annotations]
    if skip and found.pairs:
        return [Finding("warning", f"{reason}, left out", name) for _, name, reason in reasons]
    if reasons:
        hint = "name image and annotation alike, or give skip_unpaired= to leave these out"
        headline = f"{plural(len(reasons), 'file')} without partner ({hint})"
        raise NusegError(listed(headline, [f"{place}: {reason}" for place, _, reason in reasons]))
    return []


def _left_out(found: Pairs) -> list[Finding]:
    return [Finding("note", "neither image nor annotation, left out", path.name) for path in found.left_out]


def _without_nuclei(
    done: Sequence[Converted], groups: Mapping[str, str], counts: Mapping[str, SplitCounts]
) -> list[Finding]:
    """Warn of splits that can neither teach nor judge, because none of their images has a nucleus."""
    annotated = {groups[one.name] for one in done if one.nuclei}
    text = (
        f"split without any nucleus ({plural(len(annotated), 'group')} of {len(set(groups.values()))} with nuclei): "
        "scores on it say nothing; annotate more images, or give fewer splits with split="
    )
    return [Finding("warning", text, name) for name, count in counts.items() if not count.nuclei]


def _layout_and_format(found: Pairs, given: str) -> list[str]:
    change = "" if given == found.format.name else " (format= to change)"
    return [
        f"layout: {found.layout}; {plural(len(found.pairs), 'pair')}",
        f"format: {found.format.name}, {found.format_reason}{change}",
    ]


def _what_annotations_tell(done: Sequence[Converted], given: Literal["instance", "binary"] | None) -> tuple[Kind, str]:
    """Say whether nuclei are points or the annotations tell touching ones apart, and why.

    Raises
    ------
    NusegError
        Some are points and others not, or points are to be something else.
    """
    points = [one.name for one in done if one.points is not None]
    if points and (given is not None or len(points) < len(done)):
        other = next((one.name for one in done if one.points is None), None)
        found = f"annotation='{given}'" if other is None else f"outlines, as of {other}"
        raise NusegError(f"{points[0]}: is annotated by points, which do not go with {found}; prepare them apart")
    if points:
        return "points", "annotation: points, one per nucleus: scores detection, and trains nothing"
    if given is not None:
        return given, f"annotation: {given}, as given"
    if all(one.instance for one in done):
        return "instance", "annotation: instance, every nucleus is numbered"
    return "binary", (
        "annotation: binary, because touching nuclei of a mask are merged: trains the mask alone "
        "(annotation='instance' if background parts all nuclei)"
    )


def _implausible_areas(counts: Mapping[str, SplitCounts]) -> list[Finding]:
    return [
        finding
        for name, count in counts.items()
        if count.median_area_um2 is not None
        for finding in check_area(count.median_area_um2, name)
    ]


def _corrections_record(corrections: Mapping[str, Corrections], settings: PrepareSettings) -> dict[str, Any]:
    """What dataset.json says of corrections; nothing where there are none."""
    if not corrections:
        return {}
    return {
        "corrections": {
            "compared_with": Path(settings.compared_with or "").name,
            **asdict(total(corrections.values())),
            "images": {name: asdict(one) for name, one in sorted(corrections.items())},
        }
    }


def _totals(done: Sequence[Converted]) -> list[Finding]:
    split = sum(one.facts.split for one in done)
    specks = sum(one.facts.specks for one in done)
    findings = []
    ignored = [one for one in done if one.ignored]
    if ignored:
        text = f"px of {plural(len(ignored), 'image')} are not known: ignored by training and scores"
        findings.append(Finding("note", text, f"{sum(one.ignored for one in ignored):,}"))
    if split:
        findings.append(Finding("note", "nuclei in several pieces, kept as they are", str(split)))
    if specks:
        findings.append(Finding("note", f"nuclei below {SPECK_UM2:g} um2, kept as they are", str(specks)))
    return findings
