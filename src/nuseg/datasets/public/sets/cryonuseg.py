"""CryoNuSeg: frozen sections of ten organs from TCGA, label images by two annotators, one of them twice."""

from nuseg.annotations.formats.label_image import FORMAT as LABELS
from nuseg.datasets.public.public_dataset import Content, PublicDataset, pictures
from nuseg.datasets.public.tree import Tree

_LABELS = "label masks modify"
_FIRST = r"annotator 1 \(biologist\)"
_OTHERS = r"annotator 1 \(biologist second round.*|annotator 2.*"


class CryoNuSeg(PublicDataset):
    """The first round of the biologist, which the authors train on."""

    name = "cryonuseg"
    title = "CryoNuSeg"
    images = 30
    nuclei = 7596
    organs = "adrenal gland, larynx, lymph node, mediastinum, pancreas, pleura, skin, testis, thymus, thyroid (frozen)"
    mpp = 0.25
    magnification = "40x"
    licence = "CC BY-NC-SA 4.0"
    commercial = "forbidden"
    citation = (
        "Mahbod et al., Computers in Biology and Medicine 132 (2021) 104349, doi:10.1016/j.compbiomed.2021.104349"
    )
    address = "https://www.kaggle.com/datasets/ipateam/segmentation-of-nuclei-in-cryosectioned-he-images"
    split = "the authors cross-validate, they name no split"
    layout = "'tissue images/Human_*.tif' with 'Annotator 1 (biologist)/label masks modify/Human_*.tif'"
    by_hand = (
        "download the archive from "
        "https://www.kaggle.com/datasets/ipateam/segmentation-of-nuclei-in-cryosectioned-he-images (Kaggle account)"
    )
    note = "of three rounds of annotation the first of annotator 1, the biologist, is taken; each image is a patient"
    annotation = "instance"

    def content(self, tree: Tree) -> Content:
        """Match images with labels of the first round, or of no round where folders name none."""
        labels = pictures(tree, within=_LABELS, without=_OTHERS)
        first = [file for file in labels if file.within(_FIRST)]
        return self.matched(pictures(tree, within="tissue images"), first or labels, LABELS)


DATASET = CryoNuSeg()
