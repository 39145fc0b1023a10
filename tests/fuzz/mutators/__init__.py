"""Ways to change a file, chosen by its suffix.

A mutator takes the content of a file and a source of random choices and gives other content: one thing is changed, by
the structure of the file where it has one, so that what reads it comes further than to the first checksum.
"""

from collections.abc import Callable
from random import Random

from fuzz.mutators import archives, blocks, code, header, jpeg, lines, png, tiff, tree

Mutator = Callable[[bytes, Random], bytes]

ANY: tuple[Mutator, ...] = (blocks.flip, blocks.overwrite, blocks.cut, blocks.repeat, blocks.swap, blocks.digits)
TEXT: tuple[Mutator, ...] = (lines.value, lines.shuffle, lines.garble, blocks.digits, blocks.cut)
JSON: tuple[Mutator, ...] = (*(tree.change,) * 6, tree.twice, blocks.digits, blocks.cut, blocks.flip)
TIFF: tuple[Mutator, ...] = (*(tiff.value,) * 6, tiff.kind, tiff.count, tiff.loop, tiff.places, *ANY)
ARCHIVE: tuple[Mutator, ...] = (*(archives.member,) * 3, archives.names, archives.bomb, code.checkpoint, *ANY)

# By the end of the name, in lower case; the first that fits.
FAMILIES: dict[str, tuple[Mutator, ...]] = {
    ".png": (*(png.header,) * 3, png.lengths, png.chunks, png.fields, png.bomb, *ANY),
    ".jpg": (*(jpeg.frame,) * 3, jpeg.segments, jpeg.lengths, *ANY),
    ".bmp": (*(header.change,) * 4, *ANY),
    **dict.fromkeys((".tif", ".tiff", ".svs", ".scn", ".ndpi", ".bif"), TIFF),
    ".gz": (archives.inside(JSON), archives.inside(ANY), archives.gzip_bomb, *ANY),
    **dict.fromkeys((".json", ".geojson"), JSON),
    ".yaml": (*(lines.value,) * 3, *(lines.yaml,) * 3, code.yaml, lines.shuffle, lines.garble, blocks.cut),
    ".csv": (*(lines.cell,) * 3, *TEXT),
    **dict.fromkeys((".vms", ".dat", ".ini", ".xml", ".txt"), TEXT),
    ".npy": (*(archives.array,) * 3, code.array, *ANY),
    **dict.fromkeys((".npz", ".zip"), (*ARCHIVE, code.arrays)),
    **dict.fromkeys((".pt", ".ckpt"), ARCHIVE),
}


def mutators_of(name: str) -> tuple[Mutator, ...]:
    """Give the mutators of a file by its name; of what has no structure that is known here, those of any bytes."""
    return next((found for suffix, found in FAMILIES.items() if name.lower().endswith(suffix)), ANY)


def mutate(name: str, content: bytes, random: Random) -> tuple[bytes, str]:
    """Change a file's content, and say by which mutators: one, or now and then two."""
    used = random.choices(mutators_of(name), k=1 if random.random() < 0.8 else 2)
    for mutator in used:
        content = mutator(content, random)
    return content, ", ".join(f"{mutator.__module__.rpartition('.')[2]}.{mutator.__name__}" for mutator in used)
