"""An ONNX file, before a library reads it."""

import mmap
import re
from pathlib import Path

from nuseg.errors import NusegError
from nuseg.io.places import is_file

# The key under which a tensor names another file that holds its numbers, with its tag and its length before it: as
# protobuf writes these, or with the empty bytes that its readers take, too.
_OTHER_FILE = re.compile(rb"(?:\x0a|\x8a\x80*\x00)(?:\x08|\x88\x80*\x00)location")


def check_whole(graph: Path) -> None:
    """Check that a graph is there, and holds all of its numbers itself.

    `model.json` has no checksum of other files that it may name, and these may lie anywhere.

    Raises
    ------
    NusegError
        It is missing, or names other files.
    """
    if not is_file(graph):
        raise NusegError(f"{graph}: missing: copy the whole model folder, or export the model again")
    if graph.stat().st_size == 0:  # which cannot be mapped, and the engine will say so
        return
    with graph.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if _OTHER_FILE.search(content):
            raise NusegError(
                f"{graph}: names other files that hold its weights, expected all in one file: export it without "
                "external data"
            )
