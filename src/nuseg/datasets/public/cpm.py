"""What the challenges of computational precision medicine (CPM) share: how their files are named."""

from nuseg.annotations.formats.hovernet import FORMAT as HOVERNET
from nuseg.datasets.public.label_text import FORMAT as LABEL_TEXT
from nuseg.datasets.public.public_dataset import Content, PublicDataset, pictures
from nuseg.datasets.public.tree import File, Tree

_DRAWN = ("_poly", "_overlay")


class Cpm(PublicDataset):
    """Images with labels as HoVer-Net's copy has them, or as the challenge's text."""

    licence = "not stated"
    commercial = "not stated"
    citation = "Vu et al., Frontiers in Bioengineering and Biotechnology 7 (2019) 53, doi:10.3389/fbioe.2019.00053"

    def content(self, tree: Tree) -> Content:
        """Match images with MATLAB labels, or with the text of their name and `_mask`."""
        labels = tree.select((".mat",))
        annotations, kind = (labels, HOVERNET) if labels else (_texts(tree), LABEL_TEXT)
        images = self.image_files(tree)
        return self.matched(
            images, annotations, kind, lambda file: (self.split_of(file), file.stem.removesuffix("_mask"))
        )

    def image_files(self, tree: Tree) -> list[File]:
        """Give the images, without those that show the labels."""
        return [file for file in pictures(tree, without="overlay") if not file.stem.endswith(_DRAWN)]


def _texts(tree: Tree) -> list[File]:
    return [file for file in tree.select((".txt",)) if file.stem.endswith("_mask")]
