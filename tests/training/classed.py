"""Tiny annotated images whose nuclei have classes: dark discs are of one, pale ones of the other."""

import json
from pathlib import Path

import cv2
import numpy as np

CLASSES = ("dark", "pale")
COLOURS = {"dark": (60, 30, 110), "pale": (150, 110, 190)}


def write_classed(root: Path, splits: tuple[str, ...], points: bool = False, named: float = 1.0) -> Path:
    """Write a dataset; `named` is the share of nuclei whose class is known."""
    rng = np.random.default_rng(5)
    items = []
    for number, split in enumerate(splits):
        labels = np.zeros((96, 112), np.uint16)
        pixels = np.full((96, 112, 3), (235, 190, 215), float)
        rows, places = [], []
        for nucleus in range(1, 13):
            centre = (14 + 28 * ((nucleus - 1) % 4) + int(rng.integers(-5, 6)), 16 + 32 * ((nucleus - 1) // 4))
            name = CLASSES[int(rng.integers(2))]
            cv2.circle(labels, centre, int(rng.integers(7, 11)), nucleus, -1)
            pixels[labels == nucleus] = COLOURS[name]
            known = name if rng.random() < named else ""
            rows.append(f"{nucleus},{known},")
            places.append(f"{centre[0] + 0.5},{centre[1] + 0.5},{known}")
        pixels = np.clip(pixels + rng.normal(0, 6, pixels.shape), 0, 255).astype(np.uint8)
        for folder in ("images", "labels", "nuclei", "points"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / "images" / f"{number}.png"), pixels[..., ::-1])
        item = {
            "name": str(number),
            "image": f"images/{number}.png",
            "label": None,
            "mpp": 0.25,
            "split": split,
            "group": str(number),
            "nuclei": 12,
        }
        if points:
            (root / "points" / f"{number}.csv").write_text("x,y,class\n" + "\n".join(places) + "\n")
            item["points"] = f"points/{number}.csv"
        else:
            cv2.imwrite(str(root / "labels" / f"{number}.png"), labels)
            (root / "nuclei" / f"{number}.csv").write_text("label,class,id\n" + "\n".join(rows) + "\n")
            item |= {"label": f"labels/{number}.png", "table": f"nuclei/{number}.csv"}
        items.append(item)
    record = {
        "version": 1,
        "name": root.name,
        "annotation": "points" if points else "instance",
        "licence": "CC0",
        "source": "made by the tests",
        "fingerprint": f"{root.name}-{points}",
        "classes": list(CLASSES),
        "items": items,
    }
    (root / "dataset.json").write_text(json.dumps(record))
    return root
