"""How the images of results are looked at."""

from dataclasses import dataclass
from pathlib import Path

from nuseg.classification.features import open_image
from nuseg.classification.files import ImageResult
from nuseg.io.source import Source
from nuseg.progress import ProgressCallback


@dataclass(frozen=True)
class Way:
    """How images are looked at.

    Attributes
    ----------
    images : Path, optional
        Where they lie; None: where they were segmented.
    pixels : bool
        Whether their pixels are looked at.
    tell : function
        Called with a `Progress`.
    """

    images: Path | None
    pixels: bool
    tell: ProgressCallback

    def source(self, result: ImageResult) -> Source | None:
        """Open the image of a result, where pixels are looked at."""
        return open_image(result, self.images) if self.pixels else None
