"""Ids that nuclei of results have in other programs: the same for the same nucleus, whatever file it is in."""

import hashlib
from functools import lru_cache
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

_VERSION = 5  # QuPath's own ids are random, of version 4


def object_id(name: str, number: int) -> str:
    """Make the id of the nucleus of a number in the results of an image; `name` is that of its files."""
    # What `uuid5` does, in a fifth of the time: results have millions of nuclei.
    digest = _begun(name).copy()
    digest.update(b"%d" % number)
    text = digest.hexdigest()
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-{_VERSION}{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


@lru_cache(16)
def _begun(name: str) -> Any:
    """The checksum of what the ids of all nuclei of an image begin with."""
    return hashlib.sha1(NAMESPACE_URL.bytes + f"nuseg:{name}/".encode(), usedforsecurity=False)


def added_id(name: str, key: str) -> str:
    """Make the id of a nucleus that somebody added to the results of an image; `key` is what it is called there."""
    return str(uuid5(NAMESPACE_URL, f"nuseg:{name}/added/{key}"))


def may_be_own(identifier: str | None) -> bool:
    """Whether an id may have been made by `object_id` or `added_id`."""
    try:
        return identifier is not None and UUID(identifier).version == _VERSION
    except ValueError:
        return False
