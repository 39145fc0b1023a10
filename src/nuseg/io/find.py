"""Files, folders and patterns turned into a list of images."""

import glob
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from nuseg.errors import NusegError
from nuseg.io.paths import user_path
from nuseg.text import plural, printable

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
MANY_FILES = (".dcm",)  # a slide of this format is a folder of such files
SLIDE_SUFFIXES = (".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".vmu", ".czi", ".dcm")
# Pictures and slides that this version does not read; they are named where a folder holds them.
UNREAD_SUFFIXES = (
    *(".webp", ".gif", ".jp2", ".j2k", ".jpx", ".jxl", ".heic", ".heif", ".avif"),
    *(".qptiff", ".isyntax", ".vsi", ".lif", ".nd2", ".svslide", ".kfb", ".tmap"),
)
Say = Callable[[str], None]


def find_images(
    inputs: Sequence[str | Path],
    failed: Say | None = None,
    slides: bool = False,
    noted: Say | None = None,
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
        Told what is left out: slide files beside the images of a folder or pattern, pictures of formats that are
        not read, links that lead nowhere, what is no regular file, and further links to a file.

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
    named: list[Path] = []
    for given in inputs:
        try:
            named += _expand(given, slides, noted)
        except NusegError as problem:
            if failed is None:
                raise
            failed(str(problem))
    return sorted(_each_once(named, noted))


def list_files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """List the files of a folder with one of some suffixes (in any case), without hidden ones, sorted."""
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in suffixes and not file.name.startswith(".") and file.is_file()
    )


def _each_once(paths: Sequence[Path], noted: Say | None) -> list[Path]:
    """Leave out what is there already, and say so where it has another name there: that is a link."""
    taken: dict[Path, Path] = {}
    links: dict[Path, Path] = {}
    # A file's own name goes before those of links to it.
    for path in sorted(paths, key=lambda path: _place(path) != path.resolve()):
        first = taken.setdefault(path.resolve(), path)
        if _place(first) != _place(path):
            links[_place(path)] = first
    if links and noted is not None:
        link, first = next(iter(links.items()))
        noted(
            f"{plural(len(links), 'further name')} of files that are taken already, such as {printable(link)} "
            f"(the same file as {printable(first)}): each file is done once"
        )
    return list(taken.values())


def _place(path: Path) -> Path:
    """Where a name stands, without following it if it is a link."""
    return path.parent.resolve() / path.name


def _expand(given: str | Path, slides: bool, noted: Say | None) -> list[Path]:
    path = user_path(given)
    shown = printable(path)
    try:
        if path.is_dir():
            return _images_among(sorted(path.iterdir()), f"{shown}: the folder", slides, noted)
        if path.exists():
            return [path]
        if path.is_symlink():
            raise NusegError(f"{shown}: a link to {printable(path.readlink())}, which is not there; mend the link")
        if twin := _composed_otherwise(path):
            return [twin]
        if glob.has_magic(str(path)):
            matches = [Path(match) for match in glob.glob(str(path), recursive=True)]  # noqa: PTH207 (Path.glob takes no absolute pattern)
            if not matches:
                raise NusegError(f"{shown}: no file matches this pattern; check it, and put it in quotes")
            # A link to a folder above leads to the same files again and again: each counts by its shortest path.
            shortest = {_place(match): match for match in sorted(matches, key=lambda match: -len(match.parts))}
            return _images_among(list(shortest.values()), f"{shown}: what matches this pattern", slides, noted)
    except OSError as error:
        raise NusegError(f"{shown}: cannot be opened ({error.strerror}); check its permissions") from error
    raise NusegError(f"{shown}: no such file or folder; check the path")


def _composed_otherwise(path: Path) -> Path | None:
    """Find the file whose name differs from a missing one's only in how its accented letters are stored."""
    if path.name.isascii() or not path.parent.is_dir():
        return None
    name = unicodedata.normalize("NFC", path.name)
    return next((each for each in path.parent.iterdir() if unicodedata.normalize("NFC", each.name) == name), None)


def _images_among(paths: Sequence[Path], where: str, slides: bool, noted: Say | None) -> list[Path]:
    shown = [path for path in paths if not path.name.startswith(".")]
    files = [path for path in shown if path.is_file()]
    suffixes = IMAGE_SUFFIXES + (tuple(s for s in SLIDE_SUFFIXES if s not in MANY_FILES) if slides else ())
    images = [path for path in files if path.suffix.lower() in suffixes]
    others = [path for path in files if path.suffix.lower() in SLIDE_SUFFIXES and path not in images]
    dangling = [p for p in shown if p.suffix.lower() in suffixes + SLIDE_SUFFIXES and p.is_symlink() and not p.exists()]
    unread = [path for path in files if path.suffix.lower() in UNREAD_SUFFIXES]
    irregular = [p for p in shown if p.suffix.lower() in suffixes and p.exists() and not (p.is_file() or p.is_dir())]
    left_out: list[str] = []
    if unread:
        left_out.append(f"{plural(len(unread), 'file')} of formats not read here, such as {printable(unread[0].name)}")
    if irregular:
        left_out.append(f"{plural(len(irregular), 'name')} of no regular file, such as {printable(irregular[0].name)}")
    if others:
        why = "to be named one by one" if slides else "not taken here"
        left_out.append(f"{plural(len(others), 'slide file')} such as {printable(others[0].name)}, {why}")
    if dangling:
        link = f"{printable(dangling[0].name)} (to {printable(dangling[0].readlink())})"
        left_out.append(f"{plural(len(dangling), 'link')} to nothing, such as {link}")
    if not images:
        aside = f" ({'; '.join(left_out)})" if left_out else ""
        raise NusegError(
            f"{where} holds no image: expected files ending in {', '.join(suffixes)}, "
            f"found {plural(len(files), 'other file')}{aside}; check the path"
        )
    if noted is not None:
        for what in left_out:
            noted(f"{where}: {what}: left out")
    return images
