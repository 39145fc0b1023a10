"""What a format of files has to offer to be a source, and the simplest one: pixels in memory."""

from typing import Literal, Protocol

from nuseg.io.resolution import PixelSize
from nuseg.types import RGB

Kind = Literal["image", "slide"]
MIN_SLIDE_PIXELS = 25_000_000  # a plain TIFF of more is a slide; up to this many an overview is made of level 0


class Reader(Protocol):
    """What a format has to offer; all in pixels of the whole file, from its upper left corner."""

    vendor: str
    kind: Kind
    sizes: tuple[tuple[int, int], ...]  # width, height of each level
    downsamples: tuple[float, ...]
    bounds: tuple[int, int, int, int] | None  # x, y, width, height of what was scanned, in px of level 0
    pixel_size: PixelSize | None
    objective: float | None
    associated: tuple[str, ...]
    notes: tuple[str, ...]

    def read(self, level: int, x: int, y: int, width: int, height: int) -> RGB:
        """Read `(height, width, 3)` uint8 of `level`; `x`, `y` count px of level 0. White where nothing is."""
        ...

    def close(self) -> None: ...


class ArrayReader:
    """Pixels in memory: an array, or an image file that can only be decoded as a whole."""

    downsamples: tuple[float, ...] = (1.0,)
    bounds: tuple[int, int, int, int] | None = None
    objective: float | None = None
    associated: tuple[str, ...] = ()
    kind: Kind = "image"
    sizes: tuple[tuple[int, int], ...]

    def __init__(
        self, pixels: RGB, pixel_size: PixelSize | None = None, vendor: str = "array", notes: tuple[str, ...] = ()
    ) -> None:
        self.pixels, self.pixel_size, self.vendor, self.notes = pixels, pixel_size, vendor, notes
        self.sizes = ((pixels.shape[1], pixels.shape[0]),)

    def read(self, level: int, x: int, y: int, width: int, height: int) -> RGB:
        """Read a region; see `Reader`."""
        return self.pixels[y : y + height, x : x + width]

    def close(self) -> None:
        """Nothing to close."""
