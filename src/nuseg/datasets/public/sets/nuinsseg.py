"""NuInsSeg: 31 human and mouse organs from Vienna, label images, and masks of areas too vague to annotate."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.format import AnnotationFormat, Sniff
from nuseg.annotations.formats.binary_mask import read_mask
from nuseg.annotations.formats.label_image import FORMAT as LABELS
from nuseg.annotations.tracing import pixel_areas
from nuseg.datasets.public.public_dataset import Content, Download, PublicDataset, pictures
from nuseg.datasets.public.tree import File, Tree

_IMAGES, _LABELS, _VAGUE = "tissue images", "label masks modify", "vague areas"


class NuInsSegLabels(AnnotationFormat):
    """A label image, and the mask of its vague areas, which lies beside its folder."""

    name = "labels"
    help = "label images with vague areas, of NuInsSeg"
    suffixes = LABELS.suffixes

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise label images."""
        return LABELS.sniff(path)

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read the labels, and the vague areas where there are any."""
        annotation = LABELS.read(path, image, shape)
        mask = next(iter(sorted((path.parent.parent / _VAGUE).glob(f"mask binary*/{path.stem}.png"))), None)
        vague = pixel_areas(read_mask(mask).astype(np.int32)) if mask is not None else []
        return replace(annotation, vague=tuple(vague))


class NuInsSeg(PublicDataset):
    """A folder per organ."""

    name = "nuinsseg"
    title = "NuInsSeg"
    images = 665
    nuclei = 30698
    organs = "31 organs of human and mouse"
    mpp = 0.25
    magnification = "40x"
    licence = "CC BY 4.0"
    commercial = "allowed"
    citation = "Mahbod et al., Scientific Data 11 (2024) 295, doi:10.1038/s41597-024-03117-2"
    address = "https://www.kaggle.com/datasets/ipateam/nuinsseg"
    split = "the authors cross-validate over five random parts, which share slides; whole organs are kept together here"
    layout = (
        "a folder per organ, such as 'human bladder', with 'tissue images/*.png', 'label masks modify/*.tif' and "
        "'vague areas/mask binary/*.png'"
    )
    by_hand = (
        "download NuInsSeg.zip from https://doi.org/10.5281/zenodo.10518968, or the archive from "
        "https://www.kaggle.com/datasets/ipateam/nuinsseg"
    )
    note = "the resolution is that of 40x scans in general, the authors state none"
    annotation = "instance"
    downloads = (Download("NuInsSeg.zip", "https://zenodo.org/records/10518968/files/NuInsSeg.zip", megabytes=1600),)

    def content(self, tree: Tree) -> Content:
        """Match images with labels of their organ and name."""
        images, labels = pictures(tree, within=_IMAGES), pictures(tree, within=_LABELS)
        content = self.matched(images, labels, NuInsSegLabels(), lambda file: (_organ(file), file.stem))
        organs = {file.path: _organ(file) for file in images}
        items = tuple(replace(item, group=organs[item.image] or item.name) for item in content.items)
        return replace(content, items=items)


def _organ(file: File) -> str:
    """Name the folder that holds those of images and labels."""
    places = [place for place, folder in enumerate(file.folders) if folder in (_IMAGES, _LABELS)]
    return file.folders[places[-1] - 1] if places and places[-1] > 0 else ""


DATASET = NuInsSeg()
