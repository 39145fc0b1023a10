"""What is known of every image of a results folder: a small file each, of which `summary.csv` is put together.

Any number of processes may write into one folder: none touches what another one wrote.
"""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from nuseg.errors import NusegError
from nuseg.io.atomic import check_folder, hidden_beside, readable_errors
from nuseg.io.documents import DocumentError, read_json
from nuseg.io.file_state import FileState
from nuseg.io.reader import Kind
from nuseg.measure.counts import CountError
from nuseg.results import summary
from nuseg.results.annotated import ANNOTATIONS, write_annotations
from nuseg.results.clinical import Clinical
from nuseg.results.naming import result_name
from nuseg.results.summary import Row

MARKER = ".nuseg"  # folder in a results folder; tells one from all other folders
SUFFIX = ".json"
ROUNDS = 20  # of putting the summary together while others go on writing
Listing = dict[str, tuple[int, int, int]]


class FolderLost(NusegError):
    """The results folder is there no more: the whole run ends."""


@dataclass(frozen=True)
class Record:
    """What became of an image, and what it was like then.

    Attributes
    ----------
    row : Row
        Of the summary.
    kind : "image" or "slide"
    state : FileState, optional
        Of the image's file before it was read; None where that is unknown.
    count_error : CountError, optional
        How far the model's counts may be off, for intervals of counts in parts of the image.
    """

    row: Row
    kind: Kind = "image"
    state: FileState | None = None
    count_error: CountError | None = None


RECORD = TypeAdapter(Record)


def plain(record: Record) -> dict[str, Any]:
    """A record as plain values; without classes where there are none."""
    error = record.count_error
    values = asdict(record) | {"count_error": error and error.model_dump()}
    if not record.row.classes:
        del values["row"]["classes"]
    return values


class Records:
    """The records of a results folder.

    Parameters
    ----------
    folder : Path
        The results folder. Nothing is made before `begin`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marker = folder / MARKER
        self.place = self.marker / "images"
        self._known: dict[str, tuple[tuple[int, int, int], Record]] = {}

    def begin(self) -> None:
        """Make the folder; a summary that an older version left there becomes records.

        Raises
        ------
        NusegError
            It cannot be written, or holds another file of the summary's name.
        """
        check_folder(self.place)
        old = [] if self.place.is_dir() else summary.read(self.folder / summary.FILE)
        with readable_errors(self.folder):
            self.place.mkdir(parents=True, exist_ok=True)
        for row in old:
            self.keep(Record(row))

    def check(self) -> None:
        """Make sure that the folder is still there.

        Raises
        ------
        FolderLost
            It is not.
        """
        if not self.place.is_dir():
            raise FolderLost(
                f"{self.folder}: the folder of results vanished while they were written (deleted, moved, or on a drive "
                "that is gone); bring it back, or begin anew"
            )

    def keep(self, record: Record) -> None:
        """Write a record, whole or not at all.

        Raises
        ------
        NusegError
            The folder vanished, or cannot be written.
        """
        path = self._path(record.row.name)
        temporary = hidden_beside(path)
        self.check()
        with readable_errors(path):
            try:
                temporary.write_text(json.dumps(plain(record)), encoding="utf-8")
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)

    def get(self, name: str) -> Record | None:
        """Read the record of one result; None where there is none, or none that can be used."""
        try:
            return RECORD.validate_python(read_json(self._path(name)))
        except (DocumentError, ValidationError):
            return None

    def read(self) -> dict[str, Record]:
        """Read all records, by name; of a folder that an older version wrote, the rows of its summary.

        Raises
        ------
        NusegError
            What should be the summary is another file.
        """
        rows = summary.read(self.folder / summary.FILE)
        if not self.place.is_dir():
            return {row.name: Record(row) for row in rows}
        return self._read(self._listing())

    def relabel(self, clinical: Clinical) -> None:
        """Bring patient and group of all records in step with a table.

        Raises
        ------
        NusegError
            The folder vanished, or cannot be written.
        """
        for record in self.read().values():
            row = clinical.labelled(record.row)
            if row != record.row:
                self.keep(replace(record, row=row))

    def state(self) -> Listing:
        """What changes with every record that is written: the files there are, with time and size of each."""
        return self._listing() if self.place.is_dir() else {}

    def write_summary(self) -> None:
        """Put `summary.csv` together of all records, and `annotations.csv` where areas were annotated.

        Where records came while it was written, it is written again: so the last of several processes leaves it whole.

        Raises
        ------
        NusegError
            The folder vanished, or cannot be written.
        """
        for _ in range(ROUNDS):
            self.check()
            listing = self._listing()
            rows = [record.row for record in self._read(listing).values()]
            summary.write(rows, self.folder / summary.FILE)
            write_annotations(self.marker, rows, self.folder / ANNOTATIONS)
            if self._listing() == listing:
                return

    def _path(self, name: str) -> Path:
        return self.place / f"{result_name(name)}{SUFFIX}"

    def _listing(self) -> Listing:
        """Which records there are, and what changes with each: time, size, file."""
        found: Listing = {}
        try:
            with os.scandir(self.place) as entries:
                for entry in entries:
                    if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):  # those are being written
                        state = Path(entry.path).stat()  # of an entry on Windows the number is missing
                        found[entry.name] = state.st_mtime_ns, state.st_size, state.st_ino
        except FileNotFoundError:
            self.check()
        return found

    def _read(self, listing: Listing) -> dict[str, Record]:
        """Read records that are new or changed since the last time."""
        records: dict[str, Record] = {}
        for file, state in sorted(listing.items()):
            known = self._known.get(file)
            record = known[1] if known and known[0] == state else self.get(file.removesuffix(SUFFIX))
            if record is not None:
                self._known[file] = state, record
                records[record.row.name] = record
        return records
