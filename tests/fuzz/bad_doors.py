"""Doors with every fault that the harness is there to find; a module that another process loads at once."""

import os
import sys
import time
from pathlib import Path

from fuzz.mutators.numbers import ESCAPED
from fuzz.verdict import LONGEST
from nuseg.errors import NusegError

HELD: list[bytes] = []


def read(path: Path) -> None:
    path.read_bytes()


def refuse(path: Path) -> None:
    raise NusegError(f"{path}: expected sense, found none")


def refuse_without_name(path: Path) -> None:
    raise NusegError("expected sense, found none")


def refuse_at_length(path: Path) -> None:
    raise NusegError(f"{path}: found {'x' * LONGEST}")


def refuse_in_lines(path: Path) -> None:
    raise NusegError(f"{path}: found\nlines")


def refuse_in_colour(path: Path) -> None:
    raise NusegError(f"{path}: found \x1b[31mred")


def stumble(path: Path) -> None:
    raise KeyError("key")


def leave(path: Path) -> None:
    sys.exit(0)


def die(path: Path) -> None:
    os.abort()


def compute(path: Path) -> None:
    while True:
        pass


def wait(path: Path) -> None:
    time.sleep(60)


def hoard(path: Path) -> None:
    HELD.append(b"x" * 200 * 2**20)


def take_and_give_back(path: Path) -> None:
    len(b"x" * 200 * 2**20)


def write_outside(path: Path) -> None:
    (path.parent / ESCAPED).mkdir()


def write_inside(path: Path) -> None:
    (Path.cwd() / "out").mkdir()
