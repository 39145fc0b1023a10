"""A folder of results that somebody corrected in the viewer: its finished regions become images."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nuseg.annotations.corrections.journal import FOLDER, Journal
from nuseg.annotations.formats.corrections import FORMAT, open_corrections
from nuseg.datasets.find import AUTO
from nuseg.datasets.layout import folder_of
from nuseg.datasets.names import PICTURE_SUFFIXES, Entry, stem
from nuseg.datasets.pairing import Pair, Pairs
from nuseg.datasets.rules import AUTO_REGIONS
from nuseg.datasets.settings import PrepareSettings
from nuseg.errors import NusegError
from nuseg.io.find import list_files
from nuseg.results.records import Record, Records
from nuseg.text import plural, shortened


def is_corrected(source: Path, settings: PrepareSettings) -> bool:
    """Whether finished regions are wanted of a folder: it has corrections, and nothing else in it is asked for."""
    asked = settings.labels or settings.cuts or settings.format not in (AUTO, FORMAT.name)
    return not asked and FORMAT.sniff(source / FOLDER) is not None


def settings_of_corrections(source: Path, settings: PrepareSettings) -> PrepareSettings:
    """Add to the settings that images are made of finished regions, and that corrections are counted."""
    return replace(settings, regions=AUTO_REGIONS, compared_with=settings.compared_with or str(source.resolve()))


def find_corrected(source: Path, images: str | None = None) -> Pairs:
    """Pair the images that have finished regions with their corrections.

    Parameters
    ----------
    source : Path
        Folder of results.
    images : str, optional
        Folder of the images: a path, or a name inside `source`. Default: where the results say that they were.

    Raises
    ------
    NusegError
        No region is finished, an image is not there any more, or a journal is damaged.
    """
    journals = open_corrections(source)
    finished = {name: one for name, one in journals.items() if one.history.state.finished}
    if not finished:
        raise NusegError(
            f"{source / FOLDER}: no finished region in {plural(len(journals), 'corrected image')}; mark regions as "
            "finished in nuseg view, where all nuclei in them are right"
        )
    records = Records(source).read()
    files = _files(source, images, records)
    pairs = tuple(replace(_pair(source, name, files), mpp=_mpp(records.get(name))) for name in finished)
    words = f"{plural(count_regions(finished), 'finished region')} of {source}"
    left_out = len(journals) - len(finished)
    if left_out:
        words += f"; {plural(left_out, 'corrected image')} without one left out"
    return Pairs(pairs, (), (), words, FORMAT, f"because {source.name} has corrections of nuseg view")


def count_regions(journals: Mapping[str, Journal]) -> int:
    """How many regions are finished in all."""
    return sum(len(one.history.state.finished) for one in journals.values())


def _files(source: Path, images: str | None, records: Mapping[str, Record]) -> Mapping[str, Path]:
    """The files of images by the names that results have."""
    if images is None:
        return {name: Path(record.row.image) for name, record in records.items() if _is_same(record)}
    given = {stem(file): file for file in list_files(folder_of(source, images, (), "images"), PICTURE_SUFFIXES)}
    names = {name: Entry(source, name).stem for name in FORMAT.index(source / FOLDER)}
    return {name: given[own] for name, own in names.items() if own in given}


def _mpp(record: Record | None) -> float | None:
    """The resolution at which an image was segmented: its file need not state one, or the user gave another."""
    return None if record is None else record.row.mpp


def _is_same(record: Record) -> bool:
    """Whether the image still lies where it was segmented, and is the same: no file of another's choice is opened."""
    path = Path(record.row.image)
    return path.is_absolute() and record.state is not None and record.state.holds(path)


def _pair(source: Path, name: str, files: Mapping[str, Path]) -> Pair:
    if name not in files:
        raise NusegError(
            f"{source / FOLDER}: the image of {shortened(name)} is not where it was segmented, or was changed since; "
            "name the folder of the images: images="
        )
    entry = Entry(source / FOLDER, name)
    return Pair(entry.stem, files[name], entry)
