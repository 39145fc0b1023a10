"""What `dataset.json`, the description of a dataset, says; `nuseg.datasets.dataset` checks it further."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError

from nuseg.errors import NusegError
from nuseg.io.documents import read_object
from nuseg.io.places import InnerPath, PlainName, is_file
from nuseg.strict import Known, problems_of
from nuseg.text import shown

FILE, VERSION = "dataset.json", 1
DESCRIPTION, AGAIN = "dataset description", "make the dataset again with nuseg prepare"
LONGEST_NAME = 1000


class ItemRecord(Known):
    """An item; paths are relative to the folder, None where it has no such file."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    name: str = Field(max_length=LONGEST_NAME)
    image: InnerPath
    label: InnerPath | None
    mpp: float
    split: str
    group: str = Field(max_length=LONGEST_NAME)
    nuclei: int = Field(ge=0, le=10**7)
    table: InnerPath | None = None
    ignore: InnerPath | None = None
    points: InnerPath | None = None


class Record(Known):
    """What is read of the file, but its items."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    name: PlainName  # a folder is called so where a training leaves its scores
    annotation: str
    licence: str
    source: str
    fingerprint: str = Field(max_length=200)
    items: list[Any]
    classes: list[Annotated[str, Field(max_length=LONGEST_NAME)]] = Field(default=[], max_length=10_000)


def read_record(root: Path) -> Record:
    """Read the description of the dataset in a folder.

    Raises
    ------
    NusegError
        The folder is no dataset, or the file is damaged or newer than this nuseg.
    """
    where = root / FILE
    if not root.is_dir():
        raise NusegError(f"{root}: no such dataset folder; make one with `nuseg prepare`")
    if not is_file(where):
        raise NusegError(f"{root}: is no nuseg dataset (no dataset.json); make one of it with `nuseg prepare`")
    tree = read_object(where, DESCRIPTION, AGAIN)
    version = tree.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise NusegError(
            f"{where}: format version {shown(version)} is unknown, this nuseg reads up to {VERSION}: update nuseg"
        )
    try:
        return Record.model_validate(tree)
    except ValidationError as error:
        raise NusegError(f"{where}: damaged {DESCRIPTION} ({problems_of(error)}); {AGAIN}") from error


def item_records(root: Path, record: Record) -> Iterator[ItemRecord]:
    """Give the items of a description.

    Raises
    ------
    NusegError
        One is damaged.
    """
    for number, entry in enumerate(record.items):
        try:
            yield ItemRecord.model_validate(entry)
        except ValidationError as error:
            text = f"items.{number}: {problems_of(error)}"
            raise NusegError(f"{root / FILE}: damaged {DESCRIPTION} ({text}); {AGAIN}") from error
