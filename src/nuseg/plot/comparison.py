"""True and predicted outlines on the image, for a human to judge."""

import cv2
import numpy as np

from nuseg.plot.outlines import draw_outlines
from nuseg.plot.pieces import resize_labels, resize_piece
from nuseg.types import RGB, Floats, LabelImage

TRUE_COLOUR = (0, 255, 0)
PREDICTED_COLOUR = (255, 255, 0)
SIDE = 1600  # px; small images are enlarged towards it, so that both lines can be seen side by side
TRUE_WIDTH, PREDICTED_WIDTH = 4, 2  # px; the narrow line lies on the wide one, so that both show where they coincide
STRIP = 34  # px; height of the caption
DOT, CROSS = 5, 15  # px; radius of a true point, size of a predicted one
IGNORED_COLOUR = (110, 110, 110)
HATCHING = 16  # px; from line to line


def draw_comparison(
    pixels: np.ndarray,
    true_labels: np.ndarray,
    pred_labels: np.ndarray,
    caption: str,
    ignore: np.ndarray | None = None,
) -> np.ndarray:
    """Draw both outlines on the image, enlarged by a whole number, under a line of text.

    Parameters
    ----------
    pixels : (h, w, 3) uint8
        RGB image.
    true_labels, pred_labels : (h, w) integer
        Label images; numbers below 2**31.
    caption : str
        What to say of the image; the meaning of the colours is added.
    ignore : (h, w) bool, optional
        What is not scored: hatched.

    Returns
    -------
    (h * k + STRIP, w * k, 3) uint8
    """
    drawn, scale = enlarge(pixels, ignore)
    lines = ((true_labels, TRUE_COLOUR, TRUE_WIDTH), (pred_labels, PREDICTED_COLOUR, PREDICTED_WIDTH))
    for labels, colour, width in lines:
        enlarged = labels.repeat(scale, axis=0).repeat(scale, axis=1)
        drawn = draw_outlines(drawn, enlarged, colour, thickness=width if scale > 1 else width // 2)
    return with_caption(drawn, f"{caption}   green, wide: truth; yellow, narrow: predicted{hatching_means(ignore)}")


def draw_points(
    pixels: np.ndarray,
    true_xy: np.ndarray,
    pred_xy: np.ndarray,
    outlines: np.ndarray | None,
    caption: str,
    ignore: np.ndarray | None = None,
) -> np.ndarray:
    """Draw true points, and predicted outlines or points, on the image, enlarged by a whole number, under a text.

    Parameters
    ----------
    pixels : (h, w, 3) uint8
        RGB image.
    true_xy, pred_xy : (n, 2), (m, 2) float
        x and y, px from the upper left corner of the image.
    outlines : (h, w) integer, optional
        Label image of the predicted nuclei, drawn in place of crosses.
    caption : str
        What to say of the image; the meaning of the colours is added.
    ignore : (h, w) bool, optional
        What is not scored: hatched.

    Returns
    -------
    (h * k + STRIP, w * k, 3) uint8
    """
    drawn, scale = enlarge(pixels, ignore)
    if outlines is not None:
        enlarged = outlines.repeat(scale, axis=0).repeat(scale, axis=1)
        drawn = draw_outlines(drawn, enlarged, PREDICTED_COLOUR, PREDICTED_WIDTH if scale > 1 else 1)
    else:
        for x, y in np.floor(pred_xy * scale).astype(int).tolist():
            cv2.drawMarker(drawn, (x, y), PREDICTED_COLOUR, cv2.MARKER_CROSS, CROSS, PREDICTED_WIDTH)
    for x, y in np.floor(true_xy * scale).astype(int).tolist():
        cv2.circle(drawn, (x, y), DOT + 1, (0, 0, 0), cv2.FILLED)
        cv2.circle(drawn, (x, y), DOT, TRUE_COLOUR, cv2.FILLED)
    what = "line" if outlines is not None else "cross"
    return with_caption(drawn, f"{caption}   green dot: truth; yellow {what}: predicted{hatching_means(ignore)}")


def draw_piece(
    pixels: RGB,
    true_labels: LabelImage | None,
    pred_labels: LabelImage | None,
    box: tuple[int, int, int, int],
    true_xy: Floats | None = None,
    pred_xy: Floats | None = None,
) -> RGB:
    """Draw truth and prediction on a part of an image, enlarged: outlines where there are some, else points.

    Parameters
    ----------
    pixels : (h, w, 3) uint8
        RGB image.
    true_labels, pred_labels : (h, w) integer, optional
        Label images.
    box : (top, left, bottom, right)
        The part, px.
    true_xy, pred_xy : (n, 2), (m, 2) float, optional
        Points, px; drawn where there is no label image.

    Returns
    -------
    (h', w', 3) uint8
    """
    top, left, bottom, right = box
    drawn, scale = resize_piece(pixels[top:bottom, left:right])
    wide = 2 if scale >= 2 else 1
    lines = ((true_labels, TRUE_COLOUR, 2 * wide), (pred_labels, PREDICTED_COLOUR, wide))
    for labels, colour, width in lines:
        if labels is not None:
            enlarged = resize_labels(labels[top:bottom, left:right], drawn.shape[:2])
            drawn = draw_outlines(drawn, enlarged, colour, width)
    if true_labels is None and true_xy is not None:
        for x, y in np.floor((true_xy - [left, top]) * scale).astype(int).tolist():
            cv2.circle(drawn, (x, y), DOT, TRUE_COLOUR, cv2.FILLED)
    if pred_labels is None and pred_xy is not None:
        for x, y in np.floor((pred_xy - [left, top]) * scale).astype(int).tolist():
            cv2.drawMarker(drawn, (x, y), PREDICTED_COLOUR, cv2.MARKER_CROSS, CROSS, PREDICTED_WIDTH)
    return drawn


def enlarge(pixels: np.ndarray, ignore: np.ndarray | None) -> tuple[np.ndarray, int]:
    """Enlarge an image by a whole number, which is returned too, and hatch what is ignored."""
    scale = max(1, round(SIDE / max(pixels.shape[:2])))
    drawn = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    if ignore is not None and ignore.any():
        area = ignore.repeat(scale, axis=0).repeat(scale, axis=1)
        diagonal = np.add.outer(np.arange(area.shape[0]), np.arange(area.shape[1])) % HATCHING
        drawn[area & (diagonal < 2)] = IGNORED_COLOUR
    return drawn, scale


def hatching_means(ignore: np.ndarray | None) -> str:
    """What to say of the hatching, where there is one."""
    return "; hatched: not scored" if ignore is not None and ignore.any() else ""


def with_caption(drawn: np.ndarray, text: str) -> np.ndarray:
    """Put a line of text above a picture."""
    strip = np.full((STRIP, drawn.shape[1], 3), 255, np.uint8)
    cv2.putText(strip, text, (8, STRIP - 11), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([strip, drawn])
