"""Images whose colours are unlike the others', or unlike H&E."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from nuseg.measure.colours import FEWEST, SURE, check_image, stain_of, stain_scores, stain_words
from nuseg.quality.check import EVERY_KIND, Check, Measured
from nuseg.quality.finding import Finding, View
from nuseg.quality.ink import find_ink
from nuseg.quality.sample import Sample
from nuseg.types import Floats

TISSUE = 0.05  # optical density from which on a pixel is no glass
LEAST_TISSUE = 0.02  # of the image
SWAPPED = -0.03  # see `Colours.turn`
INVERTED = 0.9  # median optical density in nuclei over that of the rest of the image
FEW = 5  # nuclei: with fewer, they are not compared with the rest
SWAP_SURE, TURN_FLOOR = 3.5, 0.03  # robust standard deviations of it, and what these are taken as at least
SWAPPED_WORDS = "nuclei absorb less red and more blue than the tissue around: are red and blue swapped?"
SWAP = "swap them if the file was written as BGR, or export the image again; look for ink otherwise"
NOT_HE = "export the image and its labels again, or leave it out"


@dataclass(frozen=True, eq=False)
class Colours:
    """The colours of an image's tissue.

    Attributes
    ----------
    stain : (3,) float64 or None
        Logarithm of the mean optical density; shares of red and of blue in it. None without tissue.
    turn : float
        How much more red than blue nuclei absorb, as a share, than the rest of the tissue: above 0 in H&E, below
        where red and blue are swapped; NaN without nuclei.
    unlike : tuple of str
        What makes the image unlike H&E.
    """

    stain: Floats | None
    turn: float
    unlike: tuple[str, ...]


def measure(sample: Sample) -> Colours:
    """Measure the stain over the tissue, and in nuclei against the rest."""
    density = sample.smooth_density
    tissue = (density.mean(axis=2) > TISSUE) & ~find_ink(density, sample.labels)
    nuclei = sample.labels > 0
    unlike = tuple(check_image(sample.pixels))
    if sample.count >= FEW and np.median(sample.density[nuclei]) < INVERTED * np.median(sample.density[~nuclei]):
        unlike += ("nuclei are paler than the rest of the image: inverted, or labels of another image",)
    if tissue.mean() < LEAST_TISSUE:
        return Colours(None, np.nan, unlike)
    rest = tissue & (cv2.dilate(nuclei.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0)
    turn = np.nan
    if nuclei.mean() > 0.01 and rest.mean() > 0.01:
        inner, outer = (density[part].mean(axis=0, dtype=np.float64) for part in (nuclei, rest))
        turn = float((inner[0] - inner[2]) / inner.sum() - (outer[0] - outer[2]) / outer.sum())
    return Colours(stain_of(density[tissue]), turn, unlike)


def judge(measured: Sequence[Measured[Colours]]) -> list[Finding]:
    """Tell of images unlike H&E, with swapped channels, or with a stain unlike the others'."""
    unlike = [
        Finding("stain", "warning", (one.item.name,), "; ".join(one.facts.unlike), NOT_HE, _views(one))
        for one in measured
        if one.facts.unlike
    ]
    rest = [one for one in measured if one.facts.stain is not None and not one.facts.unlike]
    turns = np.array([one.facts.turn for one in rest if np.isfinite(one.facts.turn)])
    if turns.size and np.median(turns) < SWAPPED:
        names = tuple(one.item.name for one in rest)
        pictures = tuple(view for one in rest[:3] for view in _views(one))
        return [*unlike, Finding("stain", "warning", names, SWAPPED_WORDS, SWAP, pictures)]
    return [*unlike, *_outliers(rest)]


def _outliers(measured: Sequence[Measured[Colours]]) -> list[Finding]:
    if len(measured) < FEWEST:
        return []
    scores = stain_scores(np.stack([one.facts.stain for one in measured if one.facts.stain is not None]))
    size = np.abs(scores).max(axis=1)
    turns = np.array([one.facts.turn for one in measured])
    middle = float(np.nanmedian(turns)) if np.isfinite(turns).any() else np.nan
    turned = turns - middle < -SWAP_SURE * max(TURN_FLOOR, 1.4826 * float(np.nanmedian(np.abs(turns - middle))))
    findings = []
    for place in np.argsort(-size).tolist():
        one = measured[place]
        if turned[place] and one.facts.turn < SWAPPED:
            findings.append(Finding("stain", "warning", (one.item.name,), SWAPPED_WORDS, SWAP, _views(one)))
        elif size[place] >= SURE:
            findings.append(_of_outlier(one, scores[place]))
    return findings


def _of_outlier(one: Measured[Colours], score: Floats) -> Finding:
    return Finding(
        "stain",
        "warning",
        (one.item.name,),
        f"stain is unlike that of the other images: {stain_words(score)} "
        f"({np.abs(score).max():.1f} standard deviations)",
        "check scanner, stain and file; leave it out, or add more images of its kind",
        _views(one),
    )


def _views(one: Measured[Colours]) -> tuple[View, ...]:
    return (View(one.item.name, "as it is", outlined=False),)


CHECK = Check(
    name="stain",
    title="Stain",
    help="Images that are unlike H&E, have red and blue swapped, or are stained unlike the others.",
    position=65,
    measure=measure,
    judge=judge,
    kinds=EVERY_KIND,
)
