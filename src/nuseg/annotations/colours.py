"""Annotations in colour: what is transparent, and one number per colour."""

import numpy as np

MAX_COLOURS = 65535  # a picture of more is a photograph


def drop_alpha(values: np.ndarray) -> np.ndarray:
    """Reduce stored channels to (h, w), or to (h, w, 3) where the colours differ.

    Transparent pixels are background (0). Where all the rest has one flat colour, alpha is the annotation.
    """
    if values.ndim == 2:
        return values
    colour = values
    if values.shape[2] in (2, 4):
        colour, alpha = values[..., :-1], values[..., -1]
        if (alpha != alpha[0, 0]).any():
            opaque = alpha > 0
            inside = colour[opaque]
            if (inside == inside[0]).all():
                return alpha
            colour = np.where(opaque[..., None], colour, np.zeros_like(colour[:1, :1]))
    if (colour == colour[..., :1]).all():
        return colour[..., 0]
    return colour


def number_colours(colour: np.ndarray) -> np.ndarray | None:
    """Give every colour a number, in the order of its red, green and blue.

    Background is black; else white; else the colour of most pixels.

    Parameters
    ----------
    colour : (h, w, 3) uint8 or uint16

    Returns
    -------
    (h, w) int32 or None
        0 = background. None for more than 65535 colours, and for other types of numbers.
    """
    if colour.dtype not in (np.uint8, np.uint16):
        return None
    bits = colour.dtype.itemsize * 8
    red, green, blue = (colour[..., channel].astype(np.int64) for channel in range(3))
    packed, positions, counts = np.unique(
        (red << 2 * bits) | (green << bits) | blue, return_inverse=True, return_counts=True
    )
    if len(packed) > MAX_COLOURS + 1:
        return None
    white = (1 << 3 * bits) - 1
    if packed[0] == 0:
        background = 0
    elif packed[-1] == white:
        background = len(packed) - 1
    else:
        background = int(counts.argmax())
    numbers = np.arange(len(packed), dtype=np.int32)
    numbers[:background] += 1
    numbers[background] = 0
    return numbers[positions].reshape(colour.shape[:2])


def colour_names(colour: np.ndarray, numbers: np.ndarray) -> dict[int, str]:
    """Name the colour of every number as "#ff0000"; `numbers` as `number_colours` gives them."""
    present, first = np.unique(numbers, return_index=True)
    flat = colour.reshape(-1, 3)
    digits = 2 * colour.dtype.itemsize
    return {
        int(number): "#" + "".join(f"{value:0{digits}x}" for value in flat[position].tolist())
        for number, position in zip(present, first, strict=True)
        if number
    }
