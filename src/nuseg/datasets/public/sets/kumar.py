"""Kumar: the first 30 images of MoNuSeg, with the split of the article that HoVer-Net and others score on."""

from nuseg.annotations.formats.aperio import FORMAT as APERIO
from nuseg.annotations.formats.hovernet import FORMAT as HOVERNET
from nuseg.datasets.public.public_dataset import Content, PublicDataset, pictures
from nuseg.datasets.public.tcga import patient
from nuseg.datasets.public.tree import File, Tree

TRAIN = frozenset(
    {
        "TCGA-18-5592-01Z-00-DX1",
        "TCGA-21-5784-01Z-00-DX1",
        "TCGA-38-6178-01Z-00-DX1",
        "TCGA-50-5931-01Z-00-DX1",
        "TCGA-A7-A13E-01Z-00-DX1",
        "TCGA-AR-A1AK-01Z-00-DX1",
        "TCGA-AR-A1AS-01Z-00-DX1",
        "TCGA-B0-5711-01Z-00-DX1",
        "TCGA-E2-A14V-01Z-00-DX1",
        "TCGA-G9-6348-01Z-00-DX1",
        "TCGA-G9-6356-01Z-00-DX1",
        "TCGA-G9-6362-01Z-00-DX1",
        "TCGA-G9-6363-01Z-00-DX1",
        "TCGA-HE-7128-01Z-00-DX1",
        "TCGA-HE-7129-01Z-00-DX1",
        "TCGA-HE-7130-01Z-00-DX1",
    }
)
"""The training images; they tell the split where folders do not, as in the authors' own archive."""


class Kumar(PublicDataset):
    """MoNuSeg's predecessor."""

    name = "kumar"
    title = "Kumar"
    images = 30
    nuclei = 21623
    organs = "breast, kidney, liver, prostate, bladder, colon, stomach"
    mpp = 0.25
    magnification = "40x"
    licence = "CC BY-NC-SA 4.0"
    commercial = "forbidden"
    citation = "Kumar et al., IEEE TMI 36 (2017) 1550, doi:10.1109/TMI.2017.2677499"
    address = "https://nucleisegmentationbenchmark.weebly.com/dataset.html"
    split = "the article's: 16 images for training, 8 to test on the same organs and 6 on other organs"
    layout = (
        "'kumar/train/Images/*.tif' with 'Labels/*.mat' beside 'test_same' and 'test_diff', or "
        "'Tissue images/TCGA-*.tif' with 'Annotations/TCGA-*.xml'"
    )
    by_hand = (
        "download the folder kumar from https://drive.google.com/drive/folders/1l55cv3DuY-f7-JotDN7N5nbNnjbLWchK "
        "(HoVer-Net's copy), or MoNuSeg's training data from https://monuseg.grand-challenge.org/Data/"
    )
    note = "its test part is in MoNuSeg's training part: do not train on the one and test on the other"
    split_folders = (("train", r"train(ing)?"), ("test", r"test(ing)?([ _-]?(same|diff(erent)?))?"))

    def content(self, tree: Tree) -> Content:
        """Match images with the labels of their name, or with the XML of their name."""
        labels = tree.select((".mat",))
        annotations, kind = (labels, HOVERNET) if labels else (tree.select((".xml",)), APERIO)
        return self.matched(pictures(tree, without="overlay"), annotations, kind)

    def split_of(self, file: File) -> str:
        """The folder's, else that of the article's list."""
        return super().split_of(file) or ("train" if file.stem in TRAIN else "test")

    def group_of(self, name: str) -> str:
        """The patient."""
        return patient(name)


DATASET = Kumar()
