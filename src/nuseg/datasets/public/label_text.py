"""Label images as text: width and height, then the number of every pixel, row by row, as in the CPM challenges."""

from pathlib import Path

import numpy as np

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.documents import read_bytes
from nuseg.annotations.format import SURE, AnnotationFormat, Sniff
from nuseg.errors import NusegError
from nuseg.text import in_short

_WHAT = "a label image as text: width, height, then one number per pixel"


class LabelText(AnnotationFormat):
    """One number per line or word."""

    name = "label text"
    help = "label images as text, of the CPM challenges"
    suffixes = (".txt",)

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise the suffix."""
        return Sniff(SURE, f"{path.name} ends as text") if self.claims(path) else None

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read the numbers.

        Raises
        ------
        NusegError
            Not as many whole numbers as width and height say, or negative ones.
        """
        words = read_bytes(path, _WHAT).split()
        try:
            numbers = np.array(words, dtype="S").astype(np.int32)
        except ValueError as problem:
            raise NusegError(f"{path}: expected {_WHAT}, found {in_short(problem)}; download it again") from problem
        if len(numbers) < 3 or numbers.min() < 0 or len(numbers) - 2 != int(numbers[0]) * int(numbers[1]):
            raise NusegError(
                f"{path}: expected {_WHAT}, found {len(numbers)} numbers that begin with "
                f"{in_short(numbers[:3].tolist())}; download it again"
            )
        return Annotation(numbers[2:].reshape(int(numbers[1]), int(numbers[0])))


FORMAT = LabelText()
