"""Tiny annotated images: dark discs on pink, some touching."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest


def write_dataset(root: Path, name: str, annotation: str, splits: tuple[str, ...], seed: int) -> Path:
    rng = np.random.default_rng(seed)
    items = []
    for number, split in enumerate(splits):
        labels = np.zeros((72, 88), np.uint16)
        for nucleus in range(1, 9):
            centre = (int(rng.integers(6, 82)), int(rng.integers(6, 66)))
            cv2.circle(labels, centre, int(rng.integers(4, 8)), nucleus, -1)
        pixels = np.where(labels[..., None] > 0, (90, 60, 150), (235, 190, 215)) + rng.normal(0, 8, (72, 88, 3))
        for folder, array in (("images", np.clip(pixels, 0, 255).astype(np.uint8)[..., ::-1]), ("labels", labels)):
            (root / folder).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / folder / f"{number}.png"), array)
        items.append(
            {
                "name": str(number),
                "image": f"images/{number}.png",
                "label": f"labels/{number}.png",
                "mpp": 0.5 if number % 2 else 0.25,
                "split": split,
                "group": str(number),
                "nuclei": len(np.unique(labels)) - 1,
            }
        )
    record = {
        "version": 1,
        "name": name,
        "annotation": annotation,
        "licence": "CC0",
        "source": "made by the tests",
        "fingerprint": f"{name}-{seed}",
        "items": items,
    }
    (root / "dataset.json").write_text(json.dumps(record))
    return root


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory) -> Path:
    splits = ("train", "train", "train", "validation", "validation", "test", "test")
    return write_dataset(tmp_path_factory.mktemp("tiny"), "tiny", "instance", splits, seed=1)


@pytest.fixture(scope="session")
def tiny_binary_dataset(tmp_path_factory) -> Path:
    splits = ("train", "train", "validation", "test")
    return write_dataset(tmp_path_factory.mktemp("tiny-binary"), "tiny-binary", "binary", splits, seed=2)
