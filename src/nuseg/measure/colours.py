"""The colours of an image as a whole: whether they are those of H&E, and which images are stained unlike the others."""

import numpy as np

from nuseg.types import RGB, Floats

SURE = 4.0  # robust standard deviations
FLOOR = np.array([0.1, 0.015, 0.015])  # they are taken as this at least
FEWEST = 4  # images, for any of them to be unlike the others
WORDS = (("paler", "darker"), ("less red absorbed", "more red absorbed"), ("less blue absorbed", "more blue absorbed"))


def check_image(pixels: RGB) -> list[str]:
    """Say what makes an image unlike H&E: blank, dark as fluorescence, or without colour.

    Parameters
    ----------
    pixels : (h, w, 3) uint8 RGB

    Returns
    -------
    list of str
        Empty for an image that looks right.
    """
    small = pixels[:: max(1, pixels.shape[0] // 256), :: max(1, pixels.shape[1] // 256)].astype(np.int16)
    darkest, brightest = small.min(axis=2), small.max(axis=2)
    if (darkest > 230).mean() > 0.99:
        return ["image is almost all white: no tissue"]
    if (brightest < 25).mean() > 0.99:
        return ["image is almost all black"]
    if small.std() < 2:
        return ["image has one flat colour"]
    found = []
    if np.median(brightest) < 40:
        found.append("image has a dark background, not as H&E (fluorescence?)")
    if np.percentile(brightest - darkest, 95) < 8:
        found.append("image has no colour, not as H&E (greyscale?)")
    return found


def stain_of(densities: Floats) -> Floats:
    """Describe the stain of tissue: logarithm of its mean optical density, and the shares of red and of blue in it.

    Parameters
    ----------
    densities : (n, 3) float32
        Optical density of red, green and blue in pixels of tissue.

    Returns
    -------
    (3,) float64
    """
    mean = densities.mean(axis=0, dtype=np.float64)
    share = mean / mean.sum()
    return np.array([np.log(mean.mean()), share[0], share[2]])


def stain_scores(stains: Floats) -> Floats:
    """Say how far each stain lies from the median of all, in robust standard deviations.

    Parameters
    ----------
    stains : (n, 3) float64
        Of `stain_of`.

    Returns
    -------
    (n, 3) float64
        `SURE` and more, above or below 0, is unlike the others; 0 where there are too few to say.
    """
    if len(stains) < FEWEST:
        return np.zeros_like(stains)
    usual = np.median(stains, axis=0)
    spread = np.maximum(1.4826 * np.median(np.abs(stains - usual), axis=0), FLOOR)
    return np.asarray((stains - usual) / spread)


def stain_words(score: Floats) -> str:
    """Put into words what is unlike the others in a stain, the strongest first; "" where nothing is."""
    return ", ".join(WORDS[k][int(score[k] > 0)] for k in np.argsort(-np.abs(score)).tolist() if abs(score[k]) >= SURE)
