"""The base of all configuration, and what is said of one that is wrong."""

from typing import Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from nuseg.text import plural, shortened, shown

NAMED = 3  # problems that a message names
KEY, VALUE = 60, 100  # characters that it shows of each


class Strict(BaseModel):
    """Base of all configuration: unknown keys are errors, numbers are finite, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Known(BaseModel):
    """Base of what is known of an open mapping: its other keys may hold anything."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


def knowing(keys: type[Known]) -> AfterValidator:
    """Check the keys of a mapping that are known; the mapping stays as it is."""

    def check(mapping: dict[str, Any]) -> dict[str, Any]:
        try:
            keys.model_validate(mapping)
        except ValidationError as error:
            raise ValueError(problems_of(error)) from error
        return mapping

    return AfterValidator(check)


def problems_of(error: ValidationError) -> str:
    """Say in one line which keys are wrong, how, and what was found."""
    found = error.errors(include_url=False, include_context=False)
    more = [f"and {plural(len(found) - NAMED, 'more problem')}"] if len(found) > NAMED else []
    return "; ".join([*map(describe, found[:NAMED]), *more])


def describe(problem: ErrorDetails) -> str:
    """Say one problem in words."""
    key = shortened(".".join(map(str, problem["loc"])), KEY)
    what = shortened(problem["msg"].removeprefix("Value error, "))
    match problem["type"]:
        case "missing":
            return f"lacks '{key}'"
        case "extra_forbidden":
            return f"unknown key {key}: {what}"
    found = f"{what}, found {shown(problem['input'], VALUE)}"
    return f"{key}: {found}" if key else found
