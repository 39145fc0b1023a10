"""JSON by its tree: another value, more or fewer keys, no end of depth."""

import json
from random import Random
from typing import Any

from fuzz.mutators import blocks, numbers

MARK = "put here"  # stands for text that `json.dumps` would not write
DEPTHS = (200, 900, 20_000)


def change(content: bytes, random: Random) -> bytes:
    """Change one value, key or list, somewhere in the tree."""
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return blocks.flip(content, random)
    places = list(_places(tree))
    if not places:
        return blocks.flip(content, random)
    holder, key = random.choice(places)
    raw = ""
    match random.randrange(10):
        case 0 | 1 | 2:
            raw = numbers.number(random)
            holder[key] = MARK
        case 3 | 4:
            holder[key] = random.choice(numbers.WORDS)
        case 5:
            holder[key] = random.choice((None, True, False, {}, [], [[]], {"": None}, [0] * 5000, {"type": "Polygon"}))
        case 6:
            depth, (left, right) = random.choice(DEPTHS), random.choice(_nests(tree))
            raw = left * depth + "0" + right * depth
            holder[key] = MARK
        case 7:
            _rename(holder, key, random)
        case 8:
            holder[key] = random.choice(places)[0]  # larger, and of another type; never itself
            tree = _unlooped(tree)
        case 9:
            if isinstance(holder, list):
                holder *= random.choice((0, 2, 2000))
            else:
                holder[random.choice(numbers.WORDS)] = random.choice(numbers.WORDS)
    return json.dumps(tree).replace(f'"{MARK}"', raw).encode()


def twice(content: bytes, random: Random) -> bytes:
    """Write the whole twice, wrap it, or write it in another encoding."""
    text = content.decode("utf-8", "replace")
    return random.choice(
        (
            content * 2,
            b"[" + content + b"]",
            b"\xef\xbb\xbf" + content,
            text.encode("utf-16"),
            b"",
            b"null",
            b"[" * 100_000,
            b'{"a":' * 100_000,
        )
    )


def _nests(tree: Any) -> tuple[tuple[str, str], ...]:
    geometry = ('{"type":"GeometryCollection","geometries":[', "]}")
    features = ('{"type":"FeatureCollection","features":[', "]}")
    plain = (("[", "]"), ('{"a":', "}"))
    return (*plain, geometry, features) if isinstance(tree, dict) and "type" in tree else plain


def _places(tree: Any) -> Any:
    """Every place of a value: what holds it, and its key or index."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield tree, key
        yield from _places(value)


def _rename(holder: Any, key: Any, random: Random) -> None:
    value = holder.pop(key)
    if isinstance(holder, dict) and random.random() < 0.5:
        holder[random.choice((key.upper(), *numbers.WORDS))] = value


def _unlooped(tree: Any, depth: int = 12) -> Any:
    """Copy a tree that may hold itself, down to a depth."""
    if depth == 0 or not isinstance(tree, dict | list):
        return None if depth == 0 else tree
    if isinstance(tree, list):
        return [_unlooped(value, depth - 1) for value in tree]
    return {key: _unlooped(value, depth - 1) for key, value in tree.items()}
