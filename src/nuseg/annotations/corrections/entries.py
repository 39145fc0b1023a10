"""The entries of a journal: one correction each, with its outcome, so that reading it back takes no geometry.

A nucleus is known by its key: its place among the nuclei of the result (0, 1, ...), or the id of one that was added
("a1"). Coordinates are px of level 0 from the upper left corner of the image."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from nuseg.strict import Strict

FORMAT = 1  # of the journal; a larger number is a newer nuseg's
MAX_POINTS = 1_000  # of an outline
MAX_KEYS = 100_000  # nuclei of one correction
LONGEST_NAME = 100  # characters of a class or a region
LARGEST_PX = 10_000_000  # twenty times the longest side of a slide

Coordinate = Annotated[float, Field(ge=-LARGEST_PX, le=LARGEST_PX)]
Point = tuple[Coordinate, Coordinate]
Ring = Annotated[tuple[Point, ...], Field(min_length=3, max_length=MAX_POINTS)]
AddedId = Annotated[str, Field(pattern=r"^a[1-9]\d{0,8}$")]
RegionId = Annotated[str, Field(pattern=r"^r[1-9]\d{0,8}$")]
Key = Annotated[int, Field(ge=0, lt=1 << 40, strict=True)] | AddedId
Keys = Annotated[tuple[Key, ...], Field(min_length=1, max_length=MAX_KEYS)]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Verdict = Literal["accepted", "rejected"]


class Base(Strict):
    """The nuclei that are corrected, as far as tells that they are still the same ones.

    Attributes
    ----------
    nuclei : int
        How many there are.
    settings, mean_area_um2 : str
        As `summary.csv` of the results says.
    """

    nuclei: int = Field(ge=0)
    settings: str = ""
    mean_area_um2: str = ""


class Header(Strict):
    """The first line of a journal."""

    nuseg: Literal["corrections"] = "corrections"
    format: int = Field(FORMAT, ge=1)
    image: str = Field(max_length=1_000)
    base: Base


class Stamped(Strict):
    """What every entry has: its number, counted from 1, and when it was made (UTC)."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)

    v: int = Field(ge=1)
    time: str = Field("", max_length=40)


class Part(Strict):
    """A nucleus that came of a split."""

    id: AddedId
    polygon: Ring


class Delete(Stamped):
    """Nuclei that are none."""

    action: Literal["delete"] = "delete"
    nuclei: Keys


class Draw(Stamped):
    """A nucleus that was missed."""

    action: Literal["draw"] = "draw"
    id: AddedId
    polygon: Ring
    name: Name | None = Field(None, alias="class")


class Redraw(Stamped):
    """Another outline of a nucleus."""

    action: Literal["redraw"] = "redraw"
    nucleus: Key
    polygon: Ring


class Split(Stamped):
    """A nucleus becomes several: the largest part keeps its key, and all its class."""

    action: Literal["split"] = "split"
    nucleus: Key
    polygon: Ring
    parts: Annotated[tuple[Part, ...], Field(min_length=1, max_length=100)]
    name: Name | None = Field(None, alias="class")


class Merge(Stamped):
    """Nuclei become one: `nucleus`, the largest, is kept and redrawn, and the other `nuclei` go."""

    action: Literal["merge"] = "merge"
    nucleus: Key
    nuclei: Keys
    polygon: Ring


class Accept(Stamped):
    """Nuclei that are nuclei."""

    action: Literal["accept"] = "accept"
    nuclei: Keys


class Reject(Stamped):
    """Nuclei that are none, but stay visible in the viewer."""

    action: Literal["reject"] = "reject"
    nuclei: Keys


class Classify(Stamped):
    """The class of nuclei; None takes it away."""

    action: Literal["class"] = "class"
    nuclei: Keys
    name: Name | None = Field(alias="class")


class Finish(Stamped):
    """A region in which every nucleus has been looked at."""

    action: Literal["finish"] = "finish"
    id: RegionId
    polygon: Ring
    name: Name


class Unfinish(Stamped):
    """A region that is not finished after all."""

    action: Literal["unfinish"] = "unfinish"
    region: RegionId


class Undo(Stamped):
    """Take the last correction back that was not yet taken back."""

    action: Literal["undo"] = "undo"


class Redo(Stamped):
    """Make the correction again that was taken back last."""

    action: Literal["redo"] = "redo"


Change = Delete | Draw | Redraw | Split | Merge | Accept | Reject | Classify | Finish | Unfinish
Entry = Change | Undo | Redo
ENTRY: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="action")])
