"""Labels that lie beside the nuclei, or are turned or mirrored against the image."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nuseg.plot.contact_sheet import densest_window
from nuseg.quality.alignment import best_shift, edge_contrast
from nuseg.quality.check import Check, Measured
from nuseg.quality.finding import Box, Finding, View
from nuseg.quality.sample import Sample
from nuseg.text import plural
from nuseg.types import Floats, LabelImage

REACH_UM = 8.0  # farthest shift that is looked for
FEW = 5  # nuclei: with fewer, nothing is said of an image
CLEAR = 5.0  # standard deviations by which the best shift stands out from all others
LEAST = 0.4  # px: smaller shifts of a whole dataset are not worth a word
SURE = 4.0  # standard errors
TURN_GAIN = 2.0  # contrast of a turned label image over that of the label image as it is
SHOWN_SIDE = 120  # px of the part of an image that is shown
TURNS: dict[str, Callable[[LabelImage], LabelImage]] = {
    "mirrored left to right": np.fliplr,
    "mirrored top to bottom": np.flipud,
    "turned by 180 degrees": lambda labels: np.rot90(labels, 2),
    "turned by 90 degrees": lambda labels: np.rot90(labels, 1),
    "turned by 270 degrees": lambda labels: np.rot90(labels, 3),
    "transposed": np.transpose,
    "transposed about the other diagonal": lambda labels: np.rot90(labels, 2).T,
}


@dataclass(frozen=True, eq=False)
class Alignment:
    """How labels lie.

    Attributes
    ----------
    contrast : (2 * r + 1, 2 * r + 1) float32 or None
        See `edge_contrast`; None for an image without nuclei, or too small.
    nuclei : int
    mpp : float
        um/px.
    turned : str
        How the labels must be turned to fit, in words; empty where they need not.
    box : Box
        A part of the image with nuclei.
    """

    contrast: Floats | None
    nuclei: int
    mpp: float
    turned: str
    box: Box

    @property
    def clear(self) -> bool:
        """Whether there is one best shift, and enough nuclei to trust it."""
        return self.contrast is not None and self.nuclei >= FEW and stands_out(self.contrast)

    @property
    def shift(self) -> Floats:
        """How far the labels have to be moved, down and right (px)."""
        assert self.contrast is not None
        return np.array(best_shift(self.contrast))

    def gain(self, place: Floats) -> float:
        """Share of the best contrast that is lost where the labels are moved to another place (px)."""
        assert self.contrast is not None
        reach = self.contrast.shape[0] // 2
        row, column = np.clip(np.rint(place).astype(int) + reach, 0, 2 * reach)
        return 1 - float(self.contrast[row, column] / self.contrast.max())


def measure(sample: Sample) -> Alignment:
    """Find how labels fit when they are moved, and when they are turned."""
    shape = sample.labels.shape
    reach = min(round(REACH_UM / sample.mpp), min(shape) // 4)
    box = _busy_part(sample.labels)
    if reach < 3 or sample.count == 0:
        return Alignment(None, sample.count, sample.mpp, "", box)
    contrast = edge_contrast(sample.pixels, sample.labels, reach)
    turned = "" if stands_out(contrast) else _turn(sample, float(contrast.max()))
    return Alignment(contrast, sample.count, sample.mpp, turned, box)


def stands_out(contrast: Floats) -> bool:
    """Whether the best shift is far better than most."""
    return bool(contrast.max() > np.median(contrast) + CLEAR * contrast.std() and contrast.max() > 0)


def _turn(sample: Sample, as_is: float) -> str:
    """Find how labels must be turned to fit much better than `as_is`."""
    if sample.count < FEW:
        return ""
    best, name = TURN_GAIN * max(as_is, 1e-6), ""
    for word, turn in TURNS.items():
        turned = np.ascontiguousarray(turn(sample.labels))
        if turned.shape == sample.labels.shape:
            reach = min(round(REACH_UM / sample.mpp), min(turned.shape) // 4)
            contrast = edge_contrast(sample.pixels, turned, reach)
            if stands_out(contrast) and contrast.max() > best:
                best, name = float(contrast.max()), word
    return name


def judge(measured: Sequence[Measured[Alignment]]) -> list[Finding]:
    """Tell of turned labels, of a shift of all images, and of images that are shifted otherwise than the rest."""
    findings = [
        Finding(
            "shift",
            "warning",
            (one.item.name,),
            f"labels fit when they are {one.facts.turned}",
            "turn the labels or the image of this file, and make the dataset again",
            (View(one.item.name, "as annotated"),),
        )
        for one in measured
        if one.facts.turned
    ]
    clear = [one for one in measured if one.facts.clear and not one.facts.turned]
    if not clear:
        return findings
    shifts = np.stack([one.facts.shift for one in clear])
    middle, spread = robust_middle(shifts)
    offset = float(np.hypot(*middle))
    common = offset >= LEAST and offset >= SURE * 1.25 * float(np.hypot(*spread)) / len(clear) ** 0.5
    reference = middle if common else np.zeros(2)
    if common:
        findings.append(_of_all(clear, shifts, middle))
    findings += [
        _of_one(one, shift)
        for one, shift in zip(clear, shifts, strict=True)
        if _is_odd(one.facts, shift - reference, one.facts.gain(reference), spread) and not (common and len(clear) == 1)
    ]
    return findings


def robust_middle(shifts: Floats) -> tuple[Floats, Floats]:
    """Median and robust standard deviation of (n, 2) shifts; of few images the latter is taken as 0.3 px at least."""
    middle = np.median(shifts, axis=0)
    spread = 1.4826 * np.median(np.abs(shifts - middle), axis=0)
    return middle, np.maximum(spread, 0.3 if len(shifts) < 5 else 0.1)


def _is_odd(facts: Alignment, off: Floats, gain: float, spread: Floats) -> bool:
    distance = float(np.hypot(*off))
    far = distance >= max(1.0, 5 * float(spread.max())) and gain > 0.03 and facts.nuclei >= 20
    return far or (distance >= 1.5 and gain >= 0.2)


def _of_all(clear: Sequence[Measured[Alignment]], shifts: Floats, middle: Floats) -> Finding:
    off = np.hypot(*(shifts - middle).T) - 0.01 * np.array([one.facts.nuclei for one in clear])
    typical = [clear[place] for place in np.argsort(off)[:3]]
    half = " (half a pixel: the tool that drew them counts from another corner)" if np.abs(middle).max() < 0.8 else ""
    return Finding(
        "shift",
        "warning",
        tuple(one.item.name for one in clear),
        f"in {plural(len(clear), 'image')} labels lie beside the nuclei by the same shift: {words(middle)}{half}",
        f"move all labels by {moves(middle)}, then make the dataset again",
        tuple(view for one in typical for view in _before_and_after(one, middle)),
    )


def _of_one(one: Measured[Alignment], shift: Floats) -> Finding:
    return Finding(
        "shift",
        "warning",
        (one.item.name,),
        f"labels lie beside the nuclei: {words(shift)}, that is {np.hypot(*shift) * one.facts.mpp:.2g} um",
        f"move the labels of this image by {moves(shift)}, or export image and labels again from one source",
        _before_and_after(one, shift),
    )


def _before_and_after(one: Measured[Alignment], shift: Floats) -> tuple[View, View]:
    name, box, (down, right) = one.item.name, one.facts.box, (float(value) for value in shift)
    return (
        View(name, f"{name}: as annotated", box),
        View(name, f"{name}: labels moved", box, shift=(down, right)),
    )


def words(shift: Floats) -> str:
    """Say where labels lie, by the shift (down, right) that brings them home."""
    down, right = shift
    return (
        f"{abs(down):.2f} px too {'high' if down > 0 else 'low'} and {abs(right):.2f} px too far "
        f"{'left' if right > 0 else 'right'}"
    )


def moves(shift: Floats) -> str:
    """Say how to move labels: "0.66 px down and 0.41 px right"."""
    down, right = shift
    ways = "down" if down > 0 else "up", "right" if right > 0 else "left"
    return f"{abs(down):.2f} px {ways[0]} and {abs(right):.2f} px {ways[1]}"


def _busy_part(labels: LabelImage) -> Box:
    """Give a part of the image with many borders."""
    rows, columns = densest_window(labels, SHOWN_SIDE)
    return rows.start, columns.start, rows.stop, columns.stop


CHECK = Check(
    name="shift",
    title="Labels beside the nuclei",
    help="Labels that are shifted, turned or mirrored against the image: the stain must be darker just inside of their "
    "borders than just outside.",
    position=10,
    measure=measure,
    judge=judge,
)
