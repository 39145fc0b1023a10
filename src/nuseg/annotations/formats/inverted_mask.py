"""Masks stored inverted: dark nuclei on bright ground."""

from pathlib import Path

import numpy as np

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.format import LIKELY, Sniff
from nuseg.annotations.formats.binary_mask import mask_of, read_mask
from nuseg.annotations.labels import components, looks_inverted
from nuseg.annotations.pictures import PictureFormat
from nuseg.annotations.raster import ANNOTATION_SUFFIXES, LOSSY_SUFFIXES, Stored
from nuseg.errors import NusegError


class InvertedMask(PictureFormat):
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

    def ground(self, values: np.ndarray) -> int:
        """Give the bright value."""
        return int(values.max(initial=0))

    def of_picture(self, picture: Stored, path: Path) -> Annotation:
        """Number the 4-connected components of what is dark.

        Raises
        ------
        NusegError
            See `nuseg.annotations.formats.binary_mask.read_mask`; or nuclei are bright here.
        """
        nuclei = ~mask_of(picture, path)
        if looks_inverted(nuclei):
            raise NusegError(
                f"{path}: expected dark nuclei on bright ground (format='inverted'), found bright ones on dark ground; "
                "give format='binary'"
            )
        return Annotation(components(nuclei), instance=False)


FORMAT = InvertedMask()
