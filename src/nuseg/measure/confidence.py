"""How sure it is that a nucleus is one: calibrated on images that the network was not trained on."""

import numpy as np
from scipy.special import expit, logit

from nuseg.model.config import Calibration

EDGE = 1e-4  # means of mask probability are kept this far from 0 and 1, whose logits are infinite


def confidence(mean_probability: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Chance that a nucleus is real and outlined about rightly.

    Source: Platt, "Probabilistic outputs for support vector machines", 1999: a logistic function with two numbers
    that are fitted to images held back.

    Parameters
    ----------
    mean_probability : (n,) float64
        Mean mask probability of each nucleus, 0..1.
    calibration : Calibration
        Of the model.

    Returns
    -------
    (n,) float64
        0..1; the mean probability itself where the model was not calibrated.
    """
    if calibration == Calibration():
        return mean_probability
    return expit(calibration.offset + calibration.slope * logit(np.clip(mean_probability, EDGE, 1 - EDGE)))
