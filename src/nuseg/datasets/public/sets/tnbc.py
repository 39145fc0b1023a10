"""TNBC: triple-negative breast cancer from the Curie Institute; masks in which a thin line parts touching nuclei."""

import re

from nuseg.annotations.formats.binary_mask import FORMAT as BINARY
from nuseg.annotations.formats.label_image import FORMAT as LABELS
from nuseg.datasets.find import detect_format
from nuseg.datasets.public.public_dataset import Content, Download, PublicDataset, pictures
from nuseg.datasets.public.tree import Tree


class Tnbc(PublicDataset):
    """Images of patients 01 to 11; later archives add brain as 12 to 14."""

    name = "tnbc"
    title = "TNBC"
    images = 50
    nuclei = 4022
    organs = "breast (brain, too, in the archive of 2018)"
    mpp = 0.25
    magnification = "40x"
    licence = "CC BY 4.0"
    commercial = "allowed"
    citation = "Naylor et al., IEEE TMI 38 (2019) 448, doi:10.1109/TMI.2018.2865709"
    address = "https://doi.org/10.5281/zenodo.1175282"
    split = "the authors name no split, they leave out one patient at a time"
    layout = "'TNBC_NucleiSegmentation/Slide_01/01_1.png' with 'GT_01/01_1.png' for each patient"
    by_hand = "download TNBC_NucleiSegmentation.zip from https://doi.org/10.5281/zenodo.1175282"
    annotation = "instance"
    downloads = (
        Download(
            "TNBC_NucleiSegmentation.zip",
            "https://zenodo.org/records/1175282/files/TNBC_NucleiSegmentation.zip",
            "da708c3a988f4ad4b9bbb9283b387faf703f0bc0e5e689927306bd27ea13a57f",
        ),
    )

    def content(self, tree: Tree) -> Content:
        """Match images with masks of their name, patient by patient."""
        masks = pictures(tree, within=r"gt_\d+")
        found = detect_format([mask.path for mask in masks])
        kind = LABELS if found is not None and found[0].name == LABELS.name else BINARY
        return self.matched(pictures(tree, within=r"slide_\d+"), masks, kind)

    def group_of(self, name: str) -> str:
        """The patient, the number before the image's."""
        found = re.match(r"(\d+)_", name)
        return f"patient_{found[1]}" if found else name


DATASET = Tnbc()
