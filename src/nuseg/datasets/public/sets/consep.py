"""CoNSeP: colorectal adenocarcinoma from Coventry, label images with seven classes as MATLAB files."""

from nuseg.annotations.formats.hovernet import FORMAT as HOVERNET
from nuseg.datasets.public.named import Named
from nuseg.datasets.public.public_dataset import Content, Download, PublicDataset, pictures
from nuseg.datasets.public.tree import Tree

CLASSES = (
    "other",
    "inflammatory",
    "healthy epithelial",
    "malignant epithelial",
    "fibroblast",
    "muscle",
    "endothelial",
)


class Consep(PublicDataset):
    """The data of HoVer-Net's article."""

    name = "consep"
    title = "CoNSeP"
    images = 41
    nuclei = 24319
    organs = "colon and rectum"
    mpp = 0.25
    magnification = "40x"
    licence = "Apache 2.0"
    commercial = "allowed"
    citation = "Graham et al., Medical Image Analysis 58 (2019) 101563, doi:10.1016/j.media.2019.101563"
    address = "https://warwick.ac.uk/fac/cross_fac/tia/data/hovernet/"
    split = "the authors': 27 images for training, 14 to test"
    layout = "'CoNSeP/Train/Images/train_1.png' with 'Train/Labels/train_1.mat', and 'Test' in the same way"
    by_hand = "download consep_dataset.zip from https://warwick.ac.uk/fac/cross_fac/tia/data/hovernet/"
    classes = CLASSES
    split_folders = (("train", r"train(ing)?"), ("test", r"test(ing)?"))
    downloads = (
        Download("consep_dataset.zip", "https://warwick.ac.uk/fac/cross_fac/tia/data/hovernet/consep_dataset.zip"),
    )

    def content(self, tree: Tree) -> Content:
        """Match images with labels of their name, beside their overlays."""
        names = {str(number): name for number, name in enumerate(CLASSES, start=1)}
        return self.matched(pictures(tree, without="overlay"), tree.select((".mat",)), Named(HOVERNET, names))


DATASET = Consep()
