"""CPM-15: the segmentation challenge of MICCAI 2015, brain tumours from TCGA."""

import re
from dataclasses import replace

from nuseg.datasets.public.cpm import Cpm
from nuseg.datasets.public.public_dataset import Content
from nuseg.datasets.public.tree import Tree

_AT_20X = 7  # images, the first ones


class Cpm15(Cpm):
    """Images at two resolutions."""

    name = "cpm15"
    title = "CPM-15"
    images = 15
    nuclei = 2905
    organs = "brain (glioblastoma, lower-grade glioma)"
    mpp = None
    magnification = "images 1 to 7 at 20x, 8 to 15 at 40x"
    address = "https://drive.google.com/drive/folders/11ko-GcDsPpA9GBHuCtl_jNzWQl6qY_-I"
    split = "the authors name no split of the images that have labels"
    layout = "'cpm15/Images/*.png' with 'Labels/*.mat', or 'image01.png' with 'image01_mask.txt'"
    by_hand = "download the folder cpm15 from https://drive.google.com/drive/folders/11ko-GcDsPpA9GBHuCtl_jNzWQl6qY_-I"

    def content(self, tree: Tree) -> Content:
        """Match as `Cpm`; the resolution follows the number, counted from 1 or from 0."""
        content = super().content(tree)
        numbers = [_number(item.name) for item in content.items]
        last = _AT_20X - (0 in numbers)
        items = (
            replace(item, mpp=None if number is None else 0.5 if number <= last else 0.25)
            for item, number in zip(content.items, numbers, strict=True)
        )
        return replace(content, items=tuple(items))


def _number(name: str) -> int | None:
    found = re.search(r"(\d+)$", name)
    return int(found[1]) if found else None


DATASET = Cpm15()
