"""Ids that nuclei of results have in other programs: the same for the same nucleus, whatever file it is in."""

from uuid import NAMESPACE_URL, UUID, uuid5

_VERSION = 5  # QuPath's own ids are random, of version 4


def object_id(name: str, number: int) -> str:
    """Make the id of the nucleus of a number in the results of an image; `name` is that of its files."""
    return str(uuid5(NAMESPACE_URL, f"nuseg:{name}/{number}"))


def added_id(name: str, key: str) -> str:
    """Make the id of a nucleus that somebody added to the results of an image; `key` is what it is called there."""
    return str(uuid5(NAMESPACE_URL, f"nuseg:{name}/added/{key}"))


def may_be_own(identifier: str | None) -> bool:
    """Whether an id may have been made by `object_id` or `added_id`."""
    try:
        return identifier is not None and UUID(identifier).version == _VERSION
    except ValueError:
        return False
