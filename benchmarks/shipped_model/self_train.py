"""Tell the nuclei of a dataset of masks apart with a trained model, to train the next model on (self-training).

    python self_train.py DATASET MODEL OUT

The annotated mask is kept to the pixel. Only where it parts into nuclei is the model's word: each nucleus that the model
finds in a piece of mask is a seed, and a pixel of the piece belongs to the nearest. OUT has `images` and `labels`.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
import tifffile
from scipy import ndimage
from skimage.measure import label

import nuseg
from nuseg.data.dataset import Dataset, load_item
from nuseg.model.store import load_model

SMALLEST = 0.12  # share of a piece of mask that a nucleus takes at least, if it is to be one


def part(mask: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Part a mask `(h, w)` bool by a model's label image `(h, w)`: the new label image, of the same pixels."""
    pieces = label(mask, connectivity=1)
    # One number for each nucleus in each piece; what barely reaches into a piece seeds nothing there.
    both = np.where(mask, pieces.astype(np.int64) * (found.max() + 1) + found, 0)
    both[found == 0] = 0
    numbers, seeds = np.unique(both, return_inverse=True)
    seeds = seeds.reshape(mask.shape)
    area, piece_area = np.bincount(seeds.ravel()), np.bincount(pieces.ravel())
    small = area < SMALLEST * piece_area[numbers // (found.max() + 1)]
    seeds[small[seeds]] = 0
    parted = np.zeros(mask.shape, np.int32)
    for number, box in enumerate(ndimage.find_objects(pieces), 1):
        inside, own = pieces[box] == number, np.where(pieces[box] == number, seeds[box], 0)
        if not own.any():
            own = inside.astype(np.int64) * (len(numbers) + number)
        nearest = ndimage.distance_transform_edt(own == 0, return_distances=False, return_indices=True)
        parted[box][inside] = own[tuple(nearest)][inside]
    return label(parted, connectivity=1, background=0).astype(np.int32)


def main(dataset: str, model: str, out: str) -> None:
    folder = Path(out)
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    network = load_model(model)
    before = after = 0
    for item in Dataset.load(Path(dataset)).items:
        pixels, labels = load_item(item)
        found = nuseg.segment(pixels, mpp=item.mpp, model=network).labels
        parted = part(labels > 0, found)
        before, after = before + len(np.unique(labels)) - 1, after + parted.max()
        shutil.copy(item.image, folder / "images" / item.image.name)
        tifffile.imwrite(folder / "labels" / f"{item.name}.tif", parted.astype(np.uint16), compression="zlib")
    print(f"{before} pieces of mask, {after} nuclei")


if __name__ == "__main__":
    main(*sys.argv[1:])
