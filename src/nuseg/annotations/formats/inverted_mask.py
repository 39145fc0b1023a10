"""Masks stored inverted: dark nuclei on bright ground."""

from pathlib import Path

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.format import LIKELY, AnnotationFormat, Sniff
from nuseg.annotations.formats.binary_mask import read_mask
from nuseg.annotations.labels import components, looks_inverted
from nuseg.annotations.raster import ANNOTATION_SUFFIXES, LOSSY_SUFFIXES, refuse_folder
from nuseg.errors import NusegError


class InvertedMask(AnnotationFormat):
    """A mask whose larger value is the background."""

    name = "inverted"
    help = "dark nuclei on bright ground, every connected piece becomes a nucleus"
    suffixes = ANNOTATION_SUFFIXES
    kept = "where nuclei are"
    lost = "which pixels are one nucleus where they touch, classes, ids, colours"
    convention = "pixels of the image"

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise a bright ground that reaches all sides, with dark pieces in it."""
        if not self.claims(path) or not looks_inverted(read_mask(path)):
            return None
        surer = LIKELY + 0.1 if path.suffix.lower() in LOSSY_SUFFIXES else LIKELY
        return Sniff(surer, f"{path.name} has dark pieces on a bright ground that reaches all sides")

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Number the 4-connected components of what is dark.

        Raises
        ------
        NusegError
            See `nuseg.annotations.formats.binary_mask.read_mask`; or nuclei are bright here.
        """
        refuse_folder(path)
        nuclei = ~read_mask(path, shape)
        if looks_inverted(nuclei):
            raise NusegError(
                f"{path}: expected dark nuclei on bright ground (format='inverted'), found bright ones on dark ground; "
                "give format='binary'"
            )
        return Annotation(components(nuclei), instance=False)


FORMAT = InvertedMask()
