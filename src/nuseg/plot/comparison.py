"""True and predicted outlines on the image, for a human to judge."""

import cv2
import numpy as np

from nuseg.plot.outlines import draw_outlines

TRUE_COLOUR = (0, 255, 0)
PREDICTED_COLOUR = (255, 255, 0)
SIDE = 1600  # px; small images are enlarged towards it, so that both lines can be seen side by side
TRUE_WIDTH, PREDICTED_WIDTH = 4, 2  # px; the narrow line lies on the wide one, so that both show where they coincide
STRIP = 34  # px; height of the caption


def draw_comparison(pixels: np.ndarray, true_labels: np.ndarray, pred_labels: np.ndarray, caption: str) -> np.ndarray:
    """Draw both outlines on the image, enlarged by a whole number, under a line of text.

    Parameters
    ----------
    pixels : (h, w, 3) uint8
        RGB image.
    true_labels, pred_labels : (h, w) integer
        Label images; numbers below 2**31.
    caption : str
        What to say of the image; the meaning of the colours is added.

    Returns
    -------
    (h * k + STRIP, w * k, 3) uint8
    """
    scale = max(1, round(SIDE / max(pixels.shape[:2])))
    drawn = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    lines = ((true_labels, TRUE_COLOUR, TRUE_WIDTH), (pred_labels, PREDICTED_COLOUR, PREDICTED_WIDTH))
    for labels, colour, width in lines:
        enlarged = labels.repeat(scale, axis=0).repeat(scale, axis=1)
        drawn = draw_outlines(drawn, enlarged, colour, thickness=width if scale > 1 else width // 2)
    strip = np.full((STRIP, drawn.shape[1], 3), 255, np.uint8)
    text = f"{caption}   green, wide: truth; yellow, narrow: predicted"
    cv2.putText(strip, text, (8, STRIP - 11), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([strip, drawn])
