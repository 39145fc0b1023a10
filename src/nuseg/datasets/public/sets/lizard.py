"""Lizard: colon at 20x, from six sources; half a million nuclei in six classes, outlined half by machine."""

from dataclasses import replace

from nuseg.annotations.formats.hovernet import FORMAT as HOVERNET
from nuseg.datasets.public.named import Named
from nuseg.datasets.public.public_dataset import Content, Download, PublicDataset, pictures
from nuseg.datasets.public.tables import read_rows
from nuseg.datasets.public.tree import Tree
from nuseg.errors import NusegError
from nuseg.text import shortened

CLASSES = ("neutrophil", "epithelial", "lymphocyte", "plasma", "eosinophil", "connective")
_SPLITS = {"1": "train", "2": "validation", "3": "test"}
_TABLE = "info.csv"
_ADDRESS = "https://warwick.ac.uk/fac/cross_fac/tia/data/lizard"


class Lizard(PublicDataset):
    """Images in two archives, labels in a third."""

    name = "lizard"
    title = "Lizard"
    images = 238
    nuclei = 495179
    organs = "colon"
    mpp = 0.5
    magnification = "20x"
    licence = "CC BY-NC-SA 4.0"
    commercial = "forbidden"
    citation = "Graham et al., ICCV Workshops (2021) 684, doi:10.1109/ICCVW54120.2021.00082"
    address = _ADDRESS
    split = "the authors' folds of info.csv: 1 to train, 2 to validate, 3 to test (they rotate them)"
    layout = "'Lizard_Images1/*.png' and 'Lizard_Images2/*.png' with 'Lizard_Labels/Labels/*.mat' and 'info.csv'"
    by_hand = (
        f"download lizard_images1.zip, lizard_images2.zip and lizard_labels.zip from {_ADDRESS} "
        "(the same files are on Kaggle: aadimator/lizard-dataset)"
    )
    note = "the outlines were made half by machine; patients are not stated"
    classes = CLASSES
    downloads = (
        Download(
            "lizard_images1.zip",
            f"{_ADDRESS}/lizard_images1.zip",
            "d2c4e7c83dff634624c9c14d4a1a0b821d4e9ac41e05e3b36303d8f0c510113d",
        ),
        Download(
            "lizard_images2.zip",
            f"{_ADDRESS}/lizard_images2.zip",
            "9f529f30d9de66587167991a8bf75aaad07ce1d518b72e825c868ac7c33015ed",
        ),
        Download(
            "lizard_labels.zip",
            f"{_ADDRESS}/lizard_labels.zip",
            "79f22ca83ca535682fba340cbc8bb66b74abd1ead4151ffc8593f204fcb97dec",
        ),
    )

    def content(self, tree: Tree) -> Content:
        """Match images with labels of their name; the table says the fold."""
        names = {str(number): name for number, name in enumerate(CLASSES, start=1)}
        content = self.matched(pictures(tree, without="overlay"), tree.select((".mat",)), Named(HOVERNET, names))
        folds = read_folds(tree)
        notes = () if folds else (f"no {_TABLE}, which names the folds: split by shares instead",)
        items = tuple(replace(item, split=folds.get(item.name)) for item in content.items)
        return replace(content, items=items, notes=notes)


def read_folds(tree: Tree) -> dict[str, str]:
    """Give the split of every image by the table; empty where there is no table.

    Raises
    ------
    NusegError
        The table is damaged.
    """
    folds: dict[str, str] = {}
    for file in tree.select((".csv",)):
        if file.path.name.lower() != _TABLE:
            continue
        for row in read_rows(file.path, ("Filename", "Split")):
            if row["Split"] not in _SPLITS:
                raise NusegError(
                    f"{file.path}: Split is {shortened(row['Split'])!r}, expected 1, 2 or 3; download it again"
                )
            folds[row["Filename"].removesuffix(".png")] = _SPLITS[row["Split"]]
    return folds


DATASET = Lizard()
