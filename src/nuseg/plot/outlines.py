"""The image with the outline of every nucleus drawn on it, for the eye."""

import numpy as np

GREEN = (0, 255, 0)
# Vivid hues that haematoxylin (blue-violet) and eosin (pink) leave free; neighbours in label order differ.
PALETTE = np.array([(0, 255, 0), (255, 255, 0), (0, 255, 255), (255, 150, 0)], np.uint8)


def draw_outlines(
    pixels: np.ndarray,
    labels: np.ndarray,
    colour: tuple[int, int, int] | np.ndarray | None = GREEN,
    thickness: int = 1,
) -> np.ndarray:
    """Draw the outline of every nucleus on a copy of the image.

    A line lies inside its nucleus, so two touching nuclei show one line each and stay visibly apart. A
    nucleus cut by the image border is closed along it.

    Parameters
    ----------
    pixels : (h, w, 3) uint8
        RGB image; left unchanged.
    labels : (h, w) integer
        Label image, 0 = background.
    colour : (r, g, b), 0..255, (N + 1, 3) uint8, or None
        Colour of the lines, or of each label; None gives each nucleus a colour out of four by its label.
    thickness : int
        Width of a line in pixels, at least 1.

    Returns
    -------
    (h, w, 3) uint8
    """
    if pixels.shape[:2] != labels.shape:
        raise ValueError(f"labels {labels.shape} and pixels {pixels.shape} differ in size")
    inner = np.pad(labels, 1)
    for _ in range(thickness):
        core = inner[1:-1, 1:-1]
        same = (core == inner[:-2, 1:-1]) & (core == inner[2:, 1:-1])
        same &= (core == inner[1:-1, :-2]) & (core == inner[1:-1, 2:])
        inner = np.pad(np.where(same, core, 0), 1)
    lines = (labels != 0) & (inner[1:-1, 1:-1] == 0)
    drawn = pixels.copy()
    if colour is None:
        colour = PALETTE[np.arange(int(labels.max(initial=0)) + 1) % len(PALETTE)]
    drawn[lines] = colour[labels[lines]] if isinstance(colour, np.ndarray) else colour
    return drawn
