"""Ways to damage a folder: each gives a function that changes one file in it."""

import json
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path], object]


def change(name: str, how: Callable[[bytes], bytes]) -> Damage:
    """Change the content of a file."""
    return lambda folder: (folder / name).write_bytes(how((folder / name).read_bytes()))


def cut(name: str) -> Damage:
    """Keep the first half of a file."""
    return change(name, lambda data: data[: len(data) // 2])


def flip(name: str, position: int = 0) -> Damage:
    """Flip one bit of a file."""
    return change(name, lambda data: data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])


def replace(name: str, data: bytes) -> Damage:
    """Give a file, which need not be there, other content."""
    return lambda folder: (folder / name).write_bytes(data)


def remove(name: str) -> Damage:
    """Remove a file."""
    return lambda folder: (folder / name).unlink()


def edit(name: str, **changes: object) -> Damage:
    """Change keys of a JSON file; None removes one."""

    def damage(folder: Path) -> None:
        tree = json.loads((folder / name).read_text()) | changes
        (folder / name).write_text(json.dumps({key: value for key, value in tree.items() if value is not None}))

    return damage
