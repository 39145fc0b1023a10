"""How an image is stained: the few numbers that a method fits, as JSON."""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, FiniteFloat, ValidationError

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.measure.stain import STAINS
from nuseg.strict import Strict
from nuseg.types import Floats

Direction = tuple[
    Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)]
]
Colour = tuple[
    Annotated[float, Field(ge=1, le=255)], Annotated[float, Field(ge=1, le=255)], Annotated[float, Field(ge=1, le=255)]
]
WHITE: Colour = (255.0, 255.0, 255.0)
MAX_FILE = 1_000_000  # bytes; such a file has a few hundred


def as_direction(vector: Floats) -> Direction:
    """Bring optical densities `(3,)` to length 1; what is negative, which no dye is, becomes 0."""
    positive = np.maximum(np.asarray(vector, float), 0)
    red, green, blue = np.minimum(positive / max(float(np.linalg.norm(positive)), 1e-12), 1).tolist()
    return red, green, blue


class StainFit(Strict):
    """How one image or slide is stained.

    Attributes
    ----------
    method : str
        Name of the method that found it.
    white : (r, g, b)
        Colour of the glass, 1..255: optical densities are against it.
    haematoxylin, eosin : (r, g, b)
        Optical density of either stain in the three channels, of length 1. The usual ones (Ruifrok & Johnston 2001)
        where the method does not look for them.
    values : dict of str to tuple of float
        What the method brings to that of the target, such as the amounts of both stains.
    pixels : int
        Stained pixels that it was fitted to. 0 = too few: the image stays as it is.
    """

    method: str
    white: Colour = WHITE
    haematoxylin: Direction = as_direction(STAINS[0])
    eosin: Direction = as_direction(STAINS[1])
    values: dict[str, tuple[FiniteFloat, ...]] = Field(default_factory=dict)
    pixels: int = Field(0, ge=0)

    @property
    def vectors(self) -> Floats:
        """Haematoxylin and eosin as rows, `(2, 3)` float64."""
        return np.array([self.haematoxylin, self.eosin])

    @property
    def blank(self) -> bool:
        """Whether nothing stained was found."""
        return self.pixels == 0

    def save(self, path: str | Path) -> None:
        """Write it as JSON; the file appears when it is whole.

        Raises
        ------
        NusegError
            The file cannot be written.
        """
        with atomic_path(Path(path)) as temporary:
            temporary.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "StainFit":
        """Read what `save` wrote.

        Raises
        ------
        NusegError
            The file is missing, or holds something else.
        """
        path = Path(path)
        try:
            with path.open("rb") as file:
                content = file.read(MAX_FILE)
        except OSError as error:
            raise NusegError(f"{path}: cannot be read ({error.strerror}); check the path") from error
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise NusegError(
                f"{path}: expected stain statistics as `nuseg stain` writes them to stain/NAME.json, found {where}: "
                f"{first['msg']:.120}; name such a file, an image or a slide"
            ) from error
