"""How probable it is that a nucleus is one: calibrated on images that the network was not trained on."""

import numpy as np
from pydantic import Field
from scipy.special import expit, logit

from nuseg.strict import Strict

EDGE = 1e-4  # raw probabilities are kept this far from 0 and 1, whose logits are infinite


class Calibration(Strict):
    """From a nucleus' raw probability p to its probability: sigmoid(offset + slope * logit(p)).

    The raw probability of a nucleus is its mean of mask probability and distance.
    """

    slope: float = Field(1.0, ge=-1e6, le=1e6, description="of the logit")
    offset: float = Field(0.0, ge=-1e6, le=1e6, description="added to it")


def calibrated_probability(raw_probability: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Probability that a nucleus is real and outlined about rightly.

    Source: Platt, "Probabilistic outputs for support vector machines", 1999: a logistic function with two numbers
    that are fitted to images held back.

    Parameters
    ----------
    raw_probability : (n,) float64
        Mean of mask probability and distance over each nucleus, 0..1.
    calibration : Calibration
        Of the model.

    Returns
    -------
    (n,) float64
        0..1; the raw probability itself where the model was not calibrated.
    """
    if calibration == Calibration():
        return raw_probability
    probability: np.ndarray = expit(
        calibration.offset + calibration.slope * logit(np.clip(raw_probability, EDGE, 1 - EDGE))
    )
    return probability
