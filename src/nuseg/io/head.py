"""The first bytes of a file, which tell what it is."""

from pathlib import Path

from nuseg.errors import NusegError

# Formats that users meet and this version does not read: (position, signature, name).
FOREIGN_FORMATS = (
    (0, b"GIF8", "a GIF image"),
    (8, b"WEBP", "a WebP image"),
    (4, b"jP  ", "a JPEG 2000 image"),
    (4, b"ftyp", "a HEIC, AVIF or video file"),
    (0, b"%PDF", "a PDF document"),
    (128, b"DICM", "a DICOM file"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"PK\x03\x04", "a ZIP archive or Office document"),
)
SIGNATURE_BYTES = 132


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, or say why there are none.

    Raises
    ------
    NusegError
        The file is missing, a folder, empty, or cannot be opened.
    """
    try:
        if path.is_dir():
            raise NusegError(f"{path}: a folder, expected an image file; name the files in it")
        if path.exists() and not path.is_file():
            raise NusegError(f"{path}: not a regular file, expected an image file")
        with path.open("rb") as file:
            head = file.read(SIGNATURE_BYTES)
    except FileNotFoundError as error:
        raise NusegError(f"{path}: no such file; check the path") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NusegError(f"{path}: cannot be opened ({reason}); check the path and its permissions") from error
    if not head:
        raise NusegError(f"{path}: an empty file (0 bytes), expected an image; copy or export it again")
    return head
