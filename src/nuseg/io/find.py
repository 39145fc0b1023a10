"""Files, folders and patterns turned into a list of images."""

import glob
from collections.abc import Callable, Sequence
from pathlib import Path

from nuseg.errors import NusegError
from nuseg.text import plural

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
MANY_FILES = (".dcm",)  # a slide of this format is a folder of such files
SLIDE_SUFFIXES = (".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".vmu", ".czi", ".dcm")


def find_images(
    inputs: Sequence[str | Path],
    failed: Callable[[str], None] | None = None,
    slides: bool = False,
    noted: Callable[[str], None] | None = None,
) -> list[Path]:
    """List the images that files, folders and patterns name.

    A file is taken whatever its suffix. A folder gives the files directly in it that end in one of
    `IMAGE_SUFFIXES` (in any case); a pattern such as ``scans/**/*.png`` gives the matching ones. Hidden files
    are left out of both.

    Parameters
    ----------
    inputs
        Files, folders or patterns (``*``, ``?``, ``[...]``, and ``**`` for folders at any depth).
    failed
        Told why an input gives nothing, and the others are still looked at; without it the first one is raised.
    slides
        Whether folders and patterns give slides too: the files that end in one of `SLIDE_SUFFIXES`. DICOM slides
        have to be named one by one, since each of them is many files.
    noted
        Told of slide files beside the images of a folder or pattern that are left out.

    Returns
    -------
    list of Path
        Sorted, each file once.

    Raises
    ------
    NusegError
        If nothing is given, a file does not exist, or a folder or pattern gives no image.
    """
    if isinstance(inputs, str | Path):
        inputs = [inputs]
    if not inputs:
        raise NusegError("no images given; name image files, folders or patterns such as 'scans/*.png'")
    found: dict[Path, Path] = {}
    for given in inputs:
        try:
            for path in _expand(given, slides, noted):
                found.setdefault(path.resolve(), path)
        except NusegError as problem:
            if failed is None:
                raise
            failed(str(problem))
    return sorted(found.values())


def list_files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """List the files of a folder with one of some suffixes (in any case), without hidden ones, sorted."""
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in suffixes and not file.name.startswith(".") and file.is_file()
    )


def _expand(given: str | Path, slides: bool, noted: Callable[[str], None] | None) -> list[Path]:
    path = Path(given).expanduser()
    try:
        if path.is_dir():
            return _images_among(sorted(path.iterdir()), f"{path}: the folder", slides, noted)
        if path.exists():
            return [path]
    except OSError as error:
        raise NusegError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from error
    if glob.has_magic(str(path)):
        matches = [Path(match) for match in glob.glob(str(path), recursive=True)]  # noqa: PTH207 (Path.glob takes no absolute pattern)
        if not matches:
            raise NusegError(f"{path}: no file matches this pattern; check it, and put it in quotes")
        return _images_among(matches, f"{path}: what matches this pattern", slides, noted)
    raise NusegError(f"{path}: no such file or folder; check the path")


def _images_among(paths: Sequence[Path], where: str, slides: bool, noted: Callable[[str], None] | None) -> list[Path]:
    files = [path for path in paths if not path.name.startswith(".") and path.is_file()]
    suffixes = IMAGE_SUFFIXES + (tuple(s for s in SLIDE_SUFFIXES if s not in MANY_FILES) if slides else ())
    images = [path for path in files if path.suffix.lower() in suffixes]
    others = [path for path in files if path.suffix.lower() in SLIDE_SUFFIXES and path not in images]
    left_out = ""
    if others:
        why = "to be named one by one" if slides else "not taken here"
        left_out = f"{plural(len(others), 'slide file')} such as {others[0].name}, {why}"
    if not images:
        raise NusegError(
            f"{where} holds no image: expected files ending in {', '.join(suffixes)}, "
            f"found {plural(len(files), 'other file')}{f' ({left_out})' if left_out else ''}; check the path"
        )
    if left_out and noted is not None:
        noted(f"{where}: {left_out}: left out")
    return images
