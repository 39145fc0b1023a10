"""MoNuSAC 2020: four organs from TCGA, four classes as Aperio XML; ambiguous regions in the test part."""

from nuseg.annotations.formats.aperio import FORMAT as APERIO
from nuseg.datasets.public.named import Named
from nuseg.datasets.public.public_dataset import Content, PublicDataset, pictures
from nuseg.datasets.public.tcga import patient
from nuseg.datasets.public.tree import Tree

CLASSES = ("Epithelial", "Lymphocyte", "Macrophage", "Neutrophil")
_AMBIGUOUS = "Ambiguous"


class MoNuSac(PublicDataset):
    """A folder per slide."""

    name = "monusac"
    title = "MoNuSAC 2020"
    images = 294
    nuclei = 46909
    organs = "lung, prostate, kidney, breast"
    mpp = 0.25
    magnification = "40x"
    licence = "CC BY-NC-SA 4.0"
    commercial = "forbidden"
    citation = "Verma et al., IEEE TMI 40 (2021) 3413, doi:10.1109/TMI.2021.3085712"
    address = "https://monusac-2020.grand-challenge.org/Data/"
    split = "the challenge's: 209 images for training, 85 to test"
    layout = (
        "'MoNuSAC_images_and_annotations/TCGA-*/TCGA-*_1.tif' (or .svs) with 'TCGA-*_1.xml', and 'MoNuSAC Testing Data "
        "and Annotations' in the same way"
    )
    by_hand = "download both archives (Google Drive) from https://monusac-2020.grand-challenge.org/Data/"
    note = "ambiguous regions are kept apart from the nuclei, as vague"
    classes = CLASSES
    split_folders = (
        ("train", r"monusac[ _-]images[ _-]and[ _-]annotations?|(monusac.*)?train(ing)?([ _-].*)?"),
        ("test", r"monusac.*test(ing)?.*|test(ing)?([ _-]data.*)?"),
    )

    def content(self, tree: Tree) -> Content:
        """Match images with the XML of their name; of an image in two formats the TIFF counts."""
        plain = pictures(tree)
        there = {(self.split_of(file), file.stem) for file in plain}
        slides = [file for file in tree.select((".svs",)) if (self.split_of(file), file.stem) not in there]
        kind = Named(APERIO, {name: name for name in CLASSES}, vague=(_AMBIGUOUS,))
        return self.matched([*plain, *slides], tree.select((".xml",)), kind)

    def group_of(self, name: str) -> str:
        """The patient."""
        return patient(name)


DATASET = MoNuSac()
