"""MoNuSeg 2018: tissue of nine organs from TCGA, outlines as Aperio XML."""

from nuseg.annotations.formats.aperio import FORMAT as APERIO
from nuseg.datasets.public.public_dataset import Content, PublicDataset, pictures
from nuseg.datasets.public.tcga import patient
from nuseg.datasets.public.tree import File, Tree

TEST = frozenset(
    {
        "TCGA-2Z-A9J9-01A-01-TS1",
        "TCGA-44-2665-01B-06-BS6",
        "TCGA-69-7764-01A-01-TS1",
        "TCGA-A6-6782-01A-01-BS1",
        "TCGA-AC-A2FO-01A-01-TS1",
        "TCGA-AO-A0J2-01A-01-BSA",
        "TCGA-CU-A0YN-01A-02-BSB",
        "TCGA-EJ-A46H-01A-03-TSC",
        "TCGA-FG-A4MU-01B-01-TS1",
        "TCGA-GL-6846-01A-01-BS1",
        "TCGA-HC-7209-01A-01-TS1",
        "TCGA-HT-8564-01Z-00-DX1",
        "TCGA-IZ-8196-01A-01-BS1",
        "TCGA-ZF-A9R5-01A-01-TS1",
    }
)
"""The test images, which tell the split where no folder does."""


class MoNuSeg(PublicDataset):
    """The data of the challenge."""

    name = "monuseg"
    title = "MoNuSeg 2018"
    images = 44
    nuclei = 28846
    organs = "breast, kidney, liver, prostate, bladder, colon, stomach; test also lung and brain"
    mpp = 0.25
    magnification = "40x"
    licence = "CC BY-NC-SA 4.0"
    commercial = "forbidden"
    citation = "Kumar et al., IEEE TMI 39 (2020) 1380, doi:10.1109/TMI.2019.2947628"
    address = "https://monuseg.grand-challenge.org/Data/"
    split = "the challenge's: 30 images for training (37 in a later archive), 14 to test"
    layout = (
        "'MoNuSeg 2018 Training Data/Tissue Images/TCGA-*.tif' with 'Annotations/TCGA-*.xml', and "
        "'MoNuSegTestData/TCGA-*.tif' with 'TCGA-*.xml'"
    )
    by_hand = "download both archives (Google Drive) from https://monuseg.grand-challenge.org/Data/"
    split_folders = (
        ("train", r"(monuseg.*)?train(ing)?([ _-]?(data|set|images))?|kmms_training"),
        ("test", r"(monuseg.*)?test(ing)?([ _-]?(data|set|images))?|kmms_test"),
    )

    def content(self, tree: Tree) -> Content:
        """Match images with the XML of their name."""
        return self.matched(pictures(tree), tree.select((".xml",)), APERIO)

    def split_of(self, file: File) -> str:
        """The folder's, else that of the official list."""
        return super().split_of(file) or ("test" if file.stem in TEST else "train")

    def group_of(self, name: str) -> str:
        """The patient."""
        return patient(name)


DATASET = MoNuSeg()
