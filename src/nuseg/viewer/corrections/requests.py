"""What the page asks to be corrected: checked before anything is done with it."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from nuseg.annotations.corrections.entries import LONGEST_NAME, Coordinate, Key, Keys, RegionId
from nuseg.errors import NusegError
from nuseg.strict import Strict, problems_of
from nuseg.text import printable
from nuseg.viewer.corrections.geometry import MAX_DRAWN


def plain_text(name: str) -> str:
    """Bring the name of a class or a region to one line.

    Raises
    ------
    ValueError
        It is empty, or has characters that cannot be seen.
    """
    text = " ".join(name.split())
    if not text or printable(text) != text:
        raise ValueError("expected a name in letters that can be seen")
    return text


Text = Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(plain_text)]
Drawn = Annotated[tuple[tuple[Coordinate, Coordinate], ...], Field(max_length=MAX_DRAWN)]


class Asked(Strict):
    """What every request has: the version of the corrections that it was made of."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)

    base: int = Field(ge=0)


class AskDelete(Asked):
    """See `nuseg.annotations.corrections.entries`, as for all below."""

    action: Literal["delete", "accept", "reject"]
    nuclei: Keys


class AskDraw(Asked):
    """A new nucleus."""

    action: Literal["draw"]
    polygon: Drawn
    name: Text | None = Field(None, alias="class")


class AskRedraw(Asked):
    """A new outline."""

    action: Literal["redraw"]
    nucleus: Key
    polygon: Drawn


class AskSplit(Asked):
    """A line through a nucleus."""

    action: Literal["split"]
    nucleus: Key
    line: Drawn


class AskMerge(Asked):
    """Nuclei that are one."""

    action: Literal["merge"]
    nuclei: Annotated[tuple[Key, ...], Field(min_length=2, max_length=50)]


class AskClass(Asked):
    """The class of nuclei, None for none."""

    action: Literal["class"]
    nuclei: Keys
    name: Text | None = Field(alias="class")


class AskFinish(Asked):
    """A region that is finished."""

    action: Literal["finish"]
    polygon: Drawn
    name: Text | None = None


class AskUnfinish(Asked):
    """A region that is not."""

    action: Literal["unfinish"]
    region: RegionId


class AskBack(Asked):
    """To take a correction back, or make it again."""

    action: Literal["undo", "redo"]


Request = AskDelete | AskDraw | AskRedraw | AskSplit | AskMerge | AskClass | AskFinish | AskUnfinish | AskBack
_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="action")])


def parse_request(body: object) -> Request:
    """Check a request.

    Raises
    ------
    NusegError
        In one line, what is wrong with it.
    """
    try:
        return _REQUEST.validate_python(body)
    except ValidationError as error:
        raise NusegError(f"no correction: {problems_of(error)}") from error
