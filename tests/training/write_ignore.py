"""Change a dataset on disk: what is ignored in it, and what it says of itself."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nuseg.datasets.dataset import Dataset, load_item
from nuseg.io.image import write_png


def change_dataset(root: Path, item: dict[str, Any] | None = None, **facts: Any) -> None:
    """Set keys of `dataset.json`, and of every item in it."""
    record = json.loads((root / "dataset.json").read_text())
    items = [{**each, **(item or {})} for each in record["items"]]
    (root / "dataset.json").write_text(json.dumps({**record, "items": items, **facts}))


def add_ignore(
    root: Path, split: str, mask_of: Callable[[tuple[int, ...]], np.ndarray], only: str | None = None
) -> None:
    """Give the images of a split, or one of them, the mask that `mask_of` makes of their shape."""
    record = json.loads((root / "dataset.json").read_text())
    for item, entry in zip(Dataset.load(root).items, record["items"], strict=True):
        if item.split == split and only in (None, item.name):
            entry["ignore"] = f"ignore/{item.name}.png"
            mask = mask_of(load_item(item)[1].shape)
            write_png(root / entry["ignore"], mask.astype(np.uint8) * 255)
    (root / "dataset.json").write_text(json.dumps(record))
