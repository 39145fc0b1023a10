"""Make a nuseg dataset of a folder of images and annotations."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nuseg.datasets.checks import SPECK_UM2, Finding, check_area, find_duplicates
from nuseg.datasets.convert import Converted, convert
from nuseg.datasets.dataset import VERSION, Dataset
from nuseg.datasets.grouping import given_split, groups_by_pattern, read_column
from nuseg.datasets.pairing import Format, Pair, Pairs, detect_format, find_pairs
from nuseg.datasets.record import (
    SplitCounts,
    count_record,
    count_splits,
    fingerprint,
    item_records,
    own_version,
    resolution_record,
)
from nuseg.datasets.split import split_groups
from nuseg.errors import NusegError
from nuseg.io.atomic import check_folder
from nuseg.io.resolution import check_mpp
from nuseg.plot.contact_sheet import write_contact_sheet
from nuseg.text import plural

MAX_ERRORS = 20
"""Problems listed before the rest is only counted."""


@dataclass(frozen=True)
class PrepareSettings:
    """What the user may decide; see `nuseg prepare --help`."""

    images: str | None = None
    labels: str | None = None
    format: Literal["auto", "labels", "binary", "folders"] = "auto"
    annotation: Literal["instance", "binary"] | None = None
    mpp: float | None = None
    group: str | None = None
    table: Path | None = None
    group_column: str | None = None
    split_column: str | None = None
    mpp_column: str | None = None
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15)
    seed: int = 0
    name: str | None = None
    licence: str = "not stated"
    source: str = "not stated"
    skip_unpaired: bool = False
    overwrite: bool = False


@dataclass(frozen=True)
class Prepared:
    """A dataset that was made, what was decided and noticed, and its size by split."""

    dataset: Dataset
    decisions: list[str]
    findings: list[Finding]
    counts: dict[str, SplitCounts]


def prepare(
    source: str | Path,
    output: str | Path,
    settings: PrepareSettings | None = None,
    progress: Callable[[Sequence[Pair]], Iterator[Pair]] = iter,
) -> Prepared:
    """Pair, read, check, split and write annotated images as a dataset.

    All files are looked at before errors are raised together. The dataset appears under its name when it is whole.

    Parameters
    ----------
    source : path
        Folder with images and annotations, see `nuseg.datasets.pairing.find_pairs`.
    output : path
        The dataset to make.
    settings : PrepareSettings, optional
    progress : callable, optional
        Wraps the sequence of pairs, to show a bar.

    Returns
    -------
    Prepared

    Raises
    ------
    NusegError
        Anything wrong with files or settings; several problems are listed, one a line.
    """
    source, output, chosen = Path(source), Path(output), settings or PrepareSettings()
    check_output(source, output, chosen.overwrite)
    found = find_pairs(source, chosen.images, chosen.labels)
    findings = _unpaired(found, chosen.skip_unpaired)
    annotation_format, annotation, decisions = _decide_format(found, chosen)
    names = [pair.name for pair in found.pairs]
    groups, group_rule = _groups(names, chosen)
    mpps = _resolutions(names, chosen)
    decisions.append(group_rule)

    with _staging(output) as folder:
        done: list[Converted] = []
        for pair in progress(found.pairs):
            converted, noticed = convert(pair, annotation_format, mpps.get(pair.name), folder)
            findings += noticed
            if converted is not None:
                done.append(converted)
        _raise_errors(source, findings)
        if not any(one.facts.areas_um2.size for one in done):
            raise NusegError(f"{source}: no annotation has any nucleus; is 0 the background and --labels right?")
        findings += _join_duplicates(done, groups)
        split, split_rule = _split(done, groups, chosen)
        decisions.append(split_rule)
        counts = count_splits(done, groups, split)
        for name, count in counts.items():
            if count.median_area_um2 is not None:
                findings += check_area(count.median_area_um2, name)
        record = {
            "version": VERSION,
            "name": chosen.name or output.resolve().name,
            "annotation": annotation,
            "licence": chosen.licence,
            "source": chosen.source,
            "nuseg": own_version(),
            "fingerprint": fingerprint(done, groups, split, annotation),
            "counts": count_record(done, groups, split, counts),
            "resolution": resolution_record(done),
            "split": {"rule": split_rule, "groups": group_rule, "seed": chosen.seed, "shares": chosen.fractions},
            "items": item_records(done, groups, split),
        }
        (folder / "dataset.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        write_contact_sheet(Dataset.load(folder), folder / "contact_sheet.png")
    return Prepared(Dataset.load(output), decisions, findings + _totals(done), counts)


def check_output(source: Path, output: Path, overwrite: bool) -> None:
    """Refuse an output that would destroy something."""
    check_folder(output)
    if source.exists() and source.resolve().is_relative_to(output.resolve()):
        raise NusegError(f"{output}: holds the source {source}; write the dataset to another folder")
    if output.is_dir() and any(output.iterdir()):
        if not (output / "dataset.json").is_file():
            raise NusegError(f"{output}: exists, is not empty and is no dataset; name another folder")
        if not overwrite:
            raise NusegError(f"{output}: exists; give --overwrite to replace it, or name another folder")


@contextmanager
def _staging(output: Path) -> Iterator[Path]:
    """Give a folder beside `output` that takes its name on success and is removed on failure."""
    folder = output.with_name(f".{output.name}.partial")
    old = output.with_name(f".{output.name}.old")
    try:
        for leftover in (folder, old):
            if leftover.exists():
                shutil.rmtree(leftover)
        for sub in ("images", "labels"):
            (folder / sub).mkdir(parents=True)
        yield folder
        if output.exists():
            output.rename(old)
        folder.rename(output)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as problem:
        where = problem.filename or output
        raise NusegError(f"{where}: cannot be written or read ({problem.strerror or problem})") from problem
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpaired(found: Pairs, skip: bool) -> list[Finding]:
    lonely = [Finding("error", f"{path}: image without annotation", path.name) for path in found.lonely_images]
    lonely += [Finding("error", f"{path}: annotation without image", path.name) for path in found.lonely_annotations]
    if skip and found.pairs:
        return [Finding("warning", f.text.split(": ")[-1] + ", left out", f.name) for f in lonely]
    if lonely:
        hint = "name image and annotation alike, or give --skip-unpaired to leave these out"
        raise NusegError(_listed(f"{plural(len(lonely), 'file')} without partner ({hint})", [f.text for f in lonely]))
    return []


def _decide_format(found: Pairs, chosen: PrepareSettings) -> tuple[Format, str, list[str]]:
    decisions = [f"layout: {found.layout}; {plural(len(found.pairs), 'pair')}"]
    if chosen.format == "auto":
        annotation_format, reason = detect_format(found.pairs)
        decisions.append(f"format: {annotation_format}, because {reason} (--format to change)")
    else:
        annotation_format = chosen.format
        decisions.append(f"format: {annotation_format}, as given")
    if chosen.annotation is not None:
        decisions.append(f"annotation: {chosen.annotation}, as given")
        return annotation_format, chosen.annotation, decisions
    if annotation_format == "binary":
        decisions.append(
            "annotation: binary, because touching nuclei of a mask are merged: trains the mask alone "
            "(--annotation instance if background parts all nuclei)"
        )
        return annotation_format, "binary", decisions
    decisions.append("annotation: instance, every nucleus is numbered")
    return annotation_format, "instance", decisions


def _groups(names: Sequence[str], chosen: PrepareSettings) -> tuple[dict[str, str], str]:
    if chosen.group is not None and chosen.group_column is not None:
        raise NusegError("--group and --group-column: give one of them")
    if chosen.group is not None:
        return groups_by_pattern(names, chosen.group), f"groups: by --group {chosen.group}"
    if chosen.group_column is not None:
        table = _table(chosen, "--group-column")
        return read_column(table, chosen.group_column, names), f"groups: column {chosen.group_column} of {table.name}"
    rule = "groups: every image is its own; give --group if several come from one patient or slide"
    return {name: name for name in names}, rule


def _resolutions(names: Sequence[str], chosen: PrepareSettings) -> dict[str, float]:
    if chosen.mpp is not None and chosen.mpp_column is not None:
        raise NusegError("--mpp and --mpp-column: give one of them")
    if chosen.mpp is not None:
        mpp = check_mpp(chosen.mpp, "--mpp")
        return dict.fromkeys(names, mpp)
    if chosen.mpp_column is None:
        return {}
    table = _table(chosen, "--mpp-column")
    result = {}
    for name, text in read_column(table, chosen.mpp_column, names).items():
        try:
            result[name] = check_mpp(float(text), f"{table}: {name}", "correct the table")
        except ValueError:
            raise NusegError(f"{table}: {chosen.mpp_column} of {name} is {text!r}, expected um per pixel") from None
    return result


def _table(chosen: PrepareSettings, option: str) -> Path:
    if chosen.table is None:
        raise NusegError(f"{option}: needs a CSV with a column 'name'; give it with --table")
    return chosen.table


def _split(done: Sequence[Converted], groups: Mapping[str, str], chosen: PrepareSettings) -> tuple[dict[str, str], str]:
    """Split of every name, and the rule in words."""
    if chosen.split_column is not None:
        table = _table(chosen, "--split-column")
        values = read_column(table, chosen.split_column, [one.name for one in done])
        return given_split(values, groups, str(table)), f"split: column {chosen.split_column} of {table.name}"
    sizes: dict[str, tuple[int, int]] = {}
    for one in done:
        images, nuclei = sizes.get(groups[one.name], (0, 0))
        sizes[groups[one.name]] = (images + 1, nuclei + one.facts.areas_um2.size)
    by_group = split_groups(sizes, chosen.fractions, chosen.seed)
    shares = ",".join(f"{share:g}" for share in chosen.fractions)
    rule = f"split: whole groups, shares {shares} of images and nuclei, seed {chosen.seed}"
    return {one.name: by_group[groups[one.name]] for one in done}, rule


def _join_duplicates(done: Sequence[Converted], groups: dict[str, str]) -> list[Finding]:
    """Put groups that share an image into one, in place, so that no image is in two splits."""
    findings = []
    for same in find_duplicates({one.name: one.pixel_hash for one in done}):
        text = "the same image under several names"
        involved = sorted({groups[name] for name in same})
        if len(involved) > 1:
            text += ", in several groups: these are joined"
            for name, group in groups.items():
                if group in involved:
                    groups[name] = involved[0]
        findings.append(Finding("warning", text, " = ".join(same)))
    return findings


def _raise_errors(source: Path, findings: Sequence[Finding]) -> None:
    errors = [finding.text for finding in findings if finding.level == "error"]
    if len(errors) == 1:
        raise NusegError(errors[0])
    if errors:
        raise NusegError(_listed(f"{source}: {len(errors)} files cannot be used", errors))


def _listed(headline: str, lines: Sequence[str]) -> str:
    more = [f"and {len(lines) - MAX_ERRORS} more"] if len(lines) > MAX_ERRORS else []
    return "\n  ".join([f"{headline}:", *lines[:MAX_ERRORS], *more])


def _totals(done: Sequence[Converted]) -> list[Finding]:
    split = sum(one.facts.split for one in done)
    specks = sum(one.facts.specks for one in done)
    findings = []
    if split:
        findings.append(Finding("note", "nuclei in several pieces, kept as they are", str(split)))
    if specks:
        findings.append(Finding("note", f"nuclei below {SPECK_UM2:g} um2, kept as they are", str(specks)))
    return findings
