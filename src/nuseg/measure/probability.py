"""How sure it is that a nucleus is one: calibrated on images that the network was not trained on."""

import numpy as np
from scipy.special import expit, logit

from nuseg.model.config import Calibration

EDGE = 1e-4  # certainties are kept this far from 0 and 1, whose logits are infinite


def confidence(certainty: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Chance that a nucleus is real and outlined about rightly.

    Source: Platt, "Probabilistic outputs for support vector machines", 1999: a logistic function with two numbers
    that are fitted to images held back.

    Parameters
    ----------
    certainty : (n,) float64
        Mean of mask probability and distance over each nucleus, 0..1.
    calibration : Calibration
        Of the model.

    Returns
    -------
    (n,) float64
        0..1; the certainty itself where the model was not calibrated.
    """
    if calibration == Calibration():
        return certainty
    return expit(calibration.offset + calibration.slope * logit(np.clip(certainty, EDGE, 1 - EDGE)))
