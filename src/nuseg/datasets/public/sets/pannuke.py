"""PanNuke: 19 tissues in patches of 256x256, five classes, made half by machine; arrays in three folds."""

import re

from nuseg.annotations.formats.pannuke import CLASSES
from nuseg.annotations.formats.pannuke import FORMAT as PANNUKE
from nuseg.datasets.names import Entry
from nuseg.datasets.public.public_dataset import Content, Download, PublicDataset, PublicItem
from nuseg.datasets.public.tree import File, Tree
from nuseg.errors import NusegError

_SPLITS = {1: "train", 2: "validation", 3: "test"}
_FOLD = r"fold[ _-]?(\d)"
_ADDRESS = "https://warwick.ac.uk/fac/cross_fac/tia/data/pannuke"
_SHA256 = (
    "6e19ad380300e8ce9480f9ab6a14cc91fa4b6a511609b40e3d70bdf9c881ed0b",
    "5bc540cc509f64b5f5a274d6e5a245527dbd3e6d3155d43555115c5d54709b07",
    "c14d372981c42f611ebc80afad01702b89cad8c1b3089daa31931cf5a4b1a39d",
)


class PanNuke(PublicDataset):
    """Arrays of three folds."""

    name = "pannuke"
    title = "PanNuke"
    images = 7901
    nuclei = 189744
    organs = "19 tissues"
    mpp = 0.25
    magnification = "40x"
    licence = "CC BY-NC-SA 4.0"
    commercial = "forbidden"
    citation = "Gamper et al., arXiv:2003.10778 (2020), doi:10.48550/arXiv.2003.10778"
    address = _ADDRESS
    split = "the first of the authors' three: fold 1 to train, fold 2 to validate, fold 3 to test"
    layout = "'Fold 1/images/fold1/images.npy' and 'types.npy' with 'Fold 1/masks/fold1/masks.npy', folds 1 to 3"
    by_hand = f"download fold_1.zip, fold_2.zip and fold_3.zip from {_ADDRESS}"
    note = "unpacked, a fold takes 12 GB; patients are not stated"
    classes = CLASSES
    downloads = tuple(
        Download(f"fold_{number}.zip", f"{_ADDRESS}/fold_{number}.zip", checksum, 700)
        for number, checksum in enumerate(_SHA256, start=1)
    )

    def content(self, tree: Tree) -> Content:
        """List the images of every array of masks; their pixels lie beside it.

        Raises
        ------
        NusegError
            An array has another shape, or no pixels beside it.
        """
        items: list[PublicItem] = []
        for file in tree.select((".npy",)):
            if file.path.name.lower() != "masks.npy":
                continue
            fold = _fold(file)
            for image in PANNUKE.images(file.path) or ():
                name = image if fold is None or image.startswith("fold") else f"fold{fold}_{image}"
                split = _SPLITS.get(fold or 0)
                items.append(PublicItem(name, file.path, Entry(file.path, image), split, name, self.mpp))
            if items and PANNUKE.load_pixels(file.path, items[-1].annotation.image or "") is None:
                raise NusegError(
                    f"{file.path}: has no images.npy beside it, nor under 'images' as this lies under 'masks'; unpack "
                    "the archive again"
                )
        return Content(tuple(items), PANNUKE)


def _fold(file: File) -> int | None:
    """Tell the fold by the nearest folder that names one."""
    found = (re.fullmatch(_FOLD, folder) for folder in reversed(file.folders))
    return next((int(match[1]) for match in found if match), None)


DATASET = PanNuke()
