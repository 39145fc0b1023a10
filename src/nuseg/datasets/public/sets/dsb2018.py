"""Data Science Bowl 2018 (BBBC038): nuclei in many kinds of microscopy, of which the stained ones are taken."""

from collections import defaultdict
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.format import SURE, AnnotationFormat, Sniff
from nuseg.annotations.formats.mask_folder import FORMAT as MASK_FOLDER
from nuseg.annotations.rle import LARGEST_MASK
from nuseg.datasets.names import Entry
from nuseg.datasets.public.public_dataset import Content, Download, PublicDataset, pictures
from nuseg.datasets.public.tables import read_rows
from nuseg.datasets.public.tree import File, Tree
from nuseg.errors import NusegError
from nuseg.io.opening import read_image
from nuseg.text import plural, shortened

_SOLUTION = "stage1_solution.csv"
_COLUMNS = ("ImageId", "EncodedPixels", "Height", "Width")
_ADDRESS = "https://data.broadinstitute.org/bbbc/BBBC038"


class BowlMasks(AnnotationFormat):
    """Folders of masks of the training part, and the table with runs of pixels of the test part."""

    name = "folders"
    help = "masks of the Data Science Bowl 2018"
    suffixes = (".csv",)

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise folders of masks, and the table by its name."""
        if path.is_dir():
            return MASK_FOLDER.sniff(path)
        return Sniff(SURE, f"{path.name} is the table of the test part") if path.name == _SOLUTION else None

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read a folder of masks, or the runs of one image.

        Raises
        ------
        NusegError
            The runs leave the image, or are none.
        """
        if path.is_dir():
            return MASK_FOLDER.read(path, image, shape)
        rows = read_solution(path, path.stat().st_mtime_ns).get(image)
        if not rows:
            raise NusegError(f"{path}: has no image {shortened(image)}; download it again")
        height, width = (_whole(rows[0][name], path) for name in ("Height", "Width"))
        if not 0 < height * width <= LARGEST_MASK:
            raise NusegError(f"{path}: {shortened(image)} is {width}x{height}, expected an image; download it again")
        nuclei = [_pixels(row["EncodedPixels"], height * width, path) for row in rows]
        labels = np.zeros(height * width, np.int32)
        for number in sorted(range(len(nuclei)), key=lambda place: -len(nuclei[place])):
            labels[nuclei[number]] = number + 1
        return Annotation(labels.reshape((height, width), order="F"))


class Dsb2018(PublicDataset):
    """Stage 1."""

    name = "dsb2018"
    title = "Data Science Bowl 2018, stained images"
    images = 119
    nuclei = 0
    organs = "not stated"
    mpp = None
    magnification = "mixed, not stated"
    licence = "CC0 1.0"
    commercial = "allowed"
    citation = "Caicedo et al., Nature Methods 16 (2019) 1247, doi:10.1038/s41592-019-0612-7"
    address = "https://bbbc.broadinstitute.org/BBBC038"
    split = "the challenge's: stage 1 training part and stage 1 test part"
    layout = (
        "'stage1_train/ID/images/ID.png' with 'stage1_train/ID/masks/*.png', and 'stage1_test/ID/images/ID.png' with "
        f"'{_SOLUTION}'"
    )
    by_hand = f"download stage1_train.zip, stage1_test.zip and {_SOLUTION} from {_ADDRESS}"
    note = "test images look like the slides of the training part; resolutions are mixed and not stated"
    split_folders = (("train", r"stage1[ _-]train|train(ing)?"), ("test", r"stage1[ _-]test|test(ing)?"))
    downloads = (
        Download("stage1_train.zip", f"{_ADDRESS}/stage1_train.zip", megabytes=82),
        Download("stage1_test.zip", f"{_ADDRESS}/stage1_test.zip", megabytes=10),
        Download(_SOLUTION, f"{_ADDRESS}/{_SOLUTION}"),
    )

    def content(self, tree: Tree) -> Content:
        """Take the stained images that have masks beside them, or runs in the table.

        Raises
        ------
        NusegError
            The table is damaged, or an image.
        """
        solved = {
            image: file
            for file in tree.select((".csv",))
            if file.path.name.lower() == _SOLUTION
            for image in read_solution(file.path, file.path.stat().st_mtime_ns)
        }
        items, grey, bare = [], 0, 0
        for file in pictures(tree, within="images"):
            entry = _entry(file, solved)
            if entry is None:
                bare += 1
            elif is_stained(read_image(file.path).pixels):
                part = self.split_of(file) or ("train" if entry.image is None else "test")
                items.append(replace(self.item(file.stem, file, entry), split=part))
            else:
                grey += 1
        notes = []
        if grey:
            notes.append(f"{plural(grey, 'image')} in shades of grey, of fluorescence or without stain: left out")
        if bare:
            notes.append(f"{plural(bare, 'image')} without masks, nor in {_SOLUTION}: left out")
        return Content(tuple(items), BowlMasks(), notes=tuple(notes))


def is_stained(pixels: np.ndarray) -> bool:
    """Say whether an image (h, w, 3) uint8 has any colour."""
    return bool((pixels[..., 0] != pixels[..., 1]).any() or (pixels[..., 1] != pixels[..., 2]).any())


@lru_cache(maxsize=1)
def read_solution(path: Path, _changed: int) -> dict[str, list[dict[str, str]]]:
    """Give the rows of every image of the table that is not ignored in the challenge's scores."""
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in read_rows(path, _COLUMNS):
        if row.get("Usage", "").lower() != "ignored":
            found[row["ImageId"]].append(row)
    return dict(found)


def _entry(file: File, solved: dict[str, File]) -> Entry | None:
    masks = file.path.parent.parent / "masks"
    if masks.is_dir():
        return Entry(masks)
    return Entry(solved[file.stem].path, file.stem) if file.stem in solved else None


def _pixels(runs: str, size: int, path: Path) -> np.ndarray:
    """Give the places of a nucleus's pixels, column by column from 0, of runs of start (from 1) and length."""
    numbers = [_whole(word, path) for word in runs.split()]
    starts, lengths = numbers[::2], numbers[1::2]
    if len(starts) != len(lengths) or any(
        start < 1 or length < 1 or start - 1 + length > size for start, length in zip(starts, lengths, strict=False)
    ):
        raise NusegError(f"{path}: has runs that leave the image: {shortened(runs)}; download it again")
    return np.concatenate(
        [np.arange(start - 1, start - 1 + length) for start, length in zip(starts, lengths, strict=True)]
        or [np.zeros(0, np.int64)]
    )


def _whole(word: str, path: Path) -> int:
    if not word.isascii() or not word.isdecimal() or len(word) > 9:
        raise NusegError(f"{path}: expected a whole number, found {shortened(word)!r}; download it again")
    return int(word)


DATASET = Dsb2018()
