"""Names of devices: a kind, such as "cuda", and of several of a kind the number of one: "cuda:0"."""

import re

NUMBERED = re.compile(r"([A-Za-z_][\w.-]*):(\d{1,3})", re.ASCII)


def kind_of(device: str) -> str:
    """The kind of a device: "cuda" of "cuda:1". The CPU is one; its cores have no numbers."""
    numbered = NUMBERED.fullmatch(device)
    return numbered[1] if numbered and numbered[1] not in ("auto", "cpu") else device


def number_of(device: str) -> int | None:
    """The number of a device among those of its kind: 1 of "cuda:1"; None = all of them."""
    return int(device.rpartition(":")[2]) if kind_of(device) != device else None
