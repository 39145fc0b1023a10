"""Where converted annotations are written, and what may be replaced there."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nuseg.annotations.format import AnnotationFormat
from nuseg.annotations.registry import annotation_formats
from nuseg.datasets.gathering import Given
from nuseg.errors import NusegError
from nuseg.io.atomic import check_folder

_LONGEST = 200  # characters of a file name; file systems allow 255 bytes
_COLLECTED = "annotations"
_FORBIDDEN = '/\\:*?"<>|'


@dataclass(frozen=True)
class Target:
    """Where to write.

    Attributes
    ----------
    output : Path
        A file, or the folder of one file per image.
    format : AnnotationFormat
    suffix : str
        Of the files; empty for folders.
    whole : bool
        Whether `output` is one file, or one folder of the format, for all images.
    """

    output: Path
    format: AnnotationFormat
    suffix: str
    whole: bool

    def path(self, given: Given) -> Path:
        """Say where an image's annotation goes."""
        if self.whole:
            return self.output
        return self.output / self.format.file_name(safe_name(given.entry.stem), self.suffix)

    def check(self, found: Iterable[Given], overwrite: bool) -> None:
        """Refuse what would destroy something.

        Raises
        ------
        NusegError
            A file or folder exists (unless `overwrite`), is an input, or is a folder with other things in it.
        """
        check_folder(self.output.parent if self.whole and self.suffix else self.output)
        inputs: set[Path] = set()
        places: dict[Path, None] = {}
        for given in found:
            inputs.add(given.entry.path.resolve())
            places.setdefault(self.path(given))
        for place in places:
            self._check_place(place, inputs, overwrite)

    def _check_place(self, place: Path, inputs: set[Path], overwrite: bool) -> None:
        resolved = place.resolve()
        if any(resolved == one or resolved in one.parents for one in inputs):
            raise NusegError(f"{place}: is what is read, or holds it; write to another place")
        if not place.exists() or (place.is_dir() and not any(place.iterdir())):
            return
        if place.is_dir() != (self.suffix == ""):
            raise NusegError(f"{place}: is a {'folder' if place.is_dir() else 'file'}; name another place")
        if not overwrite:
            raise NusegError(f"{place}: exists; give overwrite= to replace it, or name another place")
        if place.is_dir():
            self._check_folder(place)

    def _check_folder(self, place: Path) -> None:
        known = self.format.folder_entries
        strange = [one.name for one in place.iterdir() if not (one.name in known if known else one.suffix == ".png")]
        if strange:
            raise NusegError(
                f"{place}: holds {strange[0]}, which {self.format.name} does not write; name another folder"
            )


def find_target(output: Path, kind: AnnotationFormat, suffix: str | None, images: int) -> Target:
    """Decide where to write the annotations of a number of images.

    Where the name ends in a suffix of the format it is a file; else it is a folder, which a format for many images
    gets one file in.

    Raises
    ------
    NusegError
        The format has no such suffix, holds one image where there are several, or the name ends as another format.
    """
    suffixes = kind.written_suffixes or kind.suffixes
    if suffix is not None and suffix.lower() not in suffixes:
        raise NusegError(f"suffix='{suffix}': expected one of {', '.join(suffixes) or 'none'} for {kind.name}")
    chosen = suffix.lower() if suffix is not None else next(iter(suffixes), "")
    if kind.folder_entries:
        return Target(output, kind, "", whole=True)
    ending = next((one for one in sorted(suffixes, key=len, reverse=True) if output.name.lower().endswith(one)), None)
    if ending is not None and not output.is_dir():
        if images > 1 and not kind.many_written:
            raise NusegError(
                f"{output}: a file of {kind.name} holds one image, found {images}; name a folder for one per image"
            )
        return Target(output, kind, ending, whole=True)
    others = {one: other.name for other in annotation_formats.values() for one in other.suffixes}
    if not output.is_dir() and output.suffix.lower() in others:
        raise NusegError(
            f"{output}: ends as {others[output.suffix.lower()]}, but to='{kind.name}' writes {chosen or 'folders'}; "
            "name a folder or another file"
        )
    if kind.many_written:
        return Target(output / f"{_COLLECTED}{chosen}", kind, chosen, whole=True)
    return Target(output, kind, chosen, whole=False)


def safe_name(stem: str) -> str:
    """Make a name of a file that lies in its folder on every system, of a name that a file gave."""
    kept = "".join("_" if letter in _FORBIDDEN or not letter.isprintable() else letter for letter in stem)
    return kept.strip(". ")[:_LONGEST] or "image"
