"""What a training looks like: curves of losses and scores, and test images with what the model found."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nuseg.io.atomic import atomic_path
from nuseg.plot.comparison import PREDICTED_COLOUR, TRUE_COLOUR
from nuseg.plot.outlines import draw_outlines

Drawn = tuple[str, np.ndarray, np.ndarray, np.ndarray, dict[str, float]]


def draw_curves(log: pd.DataFrame, path: Path) -> None:
    """Draw losses and validation scores over the epochs.

    Parameters
    ----------
    log
        One row per epoch: `epoch` (from 1), `train/...` losses, `validation/...` scores.
    path
        PNG to write.
    """
    figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for axis, group, title in zip(axes, ("train/", "validation/"), ("training loss", "validation score"), strict=True):
        for name in (column for column in log.columns if column.startswith(group)):
            axis.plot(log["epoch"], log[name], label=name.removeprefix(group), marker=".")
        axis.set(xlabel="epoch", title=title)
        axis.grid(alpha=0.3)
        axis.legend()
    save(figure, path)


def draw_predictions(drawn: list[Drawn], path: Path, rows: int = 6, side: int = 256) -> None:
    """Draw test images from the worst to the best: image, annotated outlines, outlines found.

    Parameters
    ----------
    drawn
        Name, pixels, true labels, found labels, scores of each test image.
    path
        PNG to write.
    rows
        Images shown, evenly spread over the ranking.
    side
        The middle of each image that is shown (px).
    """
    ranked = sorted(drawn, key=lambda entry: entry[4].get("aji", entry[4]["dice"]))
    chosen = [ranked[i] for i in np.unique(np.linspace(0, len(ranked) - 1, rows).round().astype(int))]
    figure, axes = plt.subplots(len(chosen), 3, figsize=(12, 4.1 * len(chosen)), layout="constrained", squeeze=False)
    for row, (name, pixels, truth, found, score) in zip(axes, chosen, strict=True):
        middle = tuple(slice(max(0, n // 2 - side // 2), n // 2 + side // 2) for n in truth.shape)
        pictures = (
            pixels[middle],
            draw_outlines(pixels[middle], truth[middle], TRUE_COLOUR),
            draw_outlines(pixels[middle], found[middle], PREDICTED_COLOUR),
        )
        numbers = ", ".join(f"{key.upper()} {score[key]:.3f}" for key in ("dice", "aji", "pq") if key in score)
        for axis, picture, title in zip(row, pictures, (name, "annotated", f"found: {numbers}"), strict=True):
            axis.imshow(picture)
            axis.set_title(title, fontsize=9)
            axis.axis("off")
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)
    plt.close(figure)
