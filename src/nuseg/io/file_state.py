"""Whether a file is still what it was: by size, times and content."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

PIECE = 1 << 20  # bytes
WHOLE_PIECES = 64  # a larger file is hashed in this many pieces, spread evenly over it


@dataclass(frozen=True)
class FileState:
    """What a file was like.

    Attributes
    ----------
    size : int
        Bytes.
    mtime_ns, ctime_ns : int
        When its content, and anything about it, was changed last (ns since 1970).
    sha256 : str
        Of the content; of a file above 64 MiB, of 64 pieces of 1 MiB, the first and the last among them.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "FileState":
        """Look at a file.

        Raises
        ------
        OSError
            It cannot be read.
        """
        state = path.stat()
        return cls(state.st_size, state.st_mtime_ns, state.st_ctime_ns, content_hash(path))

    def holds(self, path: Path) -> bool:
        """Whether the file has the same content now; read only where size and times leave that open."""
        try:
            state = path.stat()
            if state.st_size != self.size:
                return False
            if (state.st_mtime_ns, state.st_ctime_ns) == (self.mtime_ns, self.ctime_ns):
                return True
            # Pieces say little of a file that was changed in place.
            if self.size > WHOLE_PIECES * PIECE and state.st_mtime_ns != self.mtime_ns:
                return False
            return content_hash(path) == self.sha256
        except OSError:
            return False


def content_hash(path: Path) -> str:
    """SHA-256 of a file's content; see `FileState`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= WHOLE_PIECES * PIECE:
            return hashlib.file_digest(file, "sha256").hexdigest()
        for number in range(WHOLE_PIECES):
            file.seek((size - PIECE) * number // (WHOLE_PIECES - 1))
            digest.update(file.read(PIECE))
    return digest.hexdigest()
