"""The picture that shows a dataset: which images, with what captions."""

from collections.abc import Sequence
from pathlib import Path

import shapely

from nuseg.annotations.polygons import draw
from nuseg.datasets.dataset import SPLITS, Dataset, Item, Kind, load_item, load_pixels, load_points
from nuseg.io.image import write_png
from nuseg.plot.contact_sheet import WINDOW, Shown, sheet, thumbnail
from nuseg.text import plural
from nuseg.types import RGB, LabelImage

MAX_IMAGES = 48
KINDS: dict[Kind, str] = {
    "instance": "instances",
    "binary": "binary masks, touching nuclei merged",
    "points": "points",
}
DISC_UM = 2.0  # radius of what is drawn for a point
SPLIT_COLOURS = {"train": (43, 108, 176), "validation": (192, 110, 20), "test": (160, 44, 110)}


def write_contact_sheet(dataset: Dataset, path: Path) -> None:
    """Draw the contact sheet of a dataset and write it as PNG, whole or not at all."""
    tiles = [thumbnail(show(item)) for item in choose(dataset.items)]
    write_png(path, sheet(tiles, title(dataset, len(tiles))))


def title(dataset: Dataset, shown: int) -> str:
    """Say what the dataset is, and how many of its images are shown."""
    kind = KINDS[dataset.annotation]
    counts = ", ".join(f"{split} {len(dataset.split(split))}" for split in SPLITS if dataset.split(split))
    return (
        f"{dataset.name}: {plural(len(dataset.items), 'image')} ({counts}), {kind}; shown: {shown}, at full "
        f"resolution, {WINDOW} px where nuclei are densest"
    )


def choose(items: Sequence[Item], limit: int = MAX_IMAGES) -> list[Item]:
    """Up to `limit` items evenly spaced over each split, every split in proportion, in the order of the splits."""
    chosen: list[Item] = []
    for split in SPLITS:
        members = sorted((item for item in items if item.split == split), key=lambda item: item.name)
        count = min(len(members), max(1, limit * len(members) // len(items)))
        chosen += [members[k * len(members) // count] for k in range(count)] if members else []
    return chosen


def show(item: Item) -> Shown:
    """Read an item; its caption says split, count and group, its colour the split."""
    pixels, labels = load_item(item) if item.label is not None else _with_discs(item)
    group = f", group {item.group}" if item.group != item.name else ""
    caption = f"{item.split}, {plural(item.nuclei, 'nucleus', 'nuclei')}{group}"
    return Shown(item.name, caption, SPLIT_COLOURS[item.split], pixels, labels)


def _with_discs(item: Item) -> tuple[RGB, LabelImage]:
    """Read an item of points: its pixels, and a label image with a disc around each."""
    pixels = load_pixels(item)
    discs = shapely.buffer(shapely.points(load_points(item).xy), max(1.0, DISC_UM / item.mpp))
    return pixels, draw(list(discs), (pixels.shape[0], pixels.shape[1]))
