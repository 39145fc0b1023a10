"""What the numbers of a picture are: nuclei, a mask, or labels in disguise, told by the pieces of each number."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nuseg.annotations.labels import (
    MANY_PIECES,
    are_large,
    looks_binary,
    looks_inverted,
    pieces,
    present_labels,
    renumber,
)
from nuseg.text import plural

LOOK_AT = 5000  # px a side: of larger pictures the middle is judged
MAX_CLASSES = 20
LIMITS = {127: 8, 255: 8, 32767: 16, 65535: 16}  # the largest numbers that so many bits hold
FULL = 0.9  # share of the numbers up to a limit that is used where numbers above it were lost
CRUMB_PX = 5  # a piece of fewer pixels is no nucleus
FAR_TOO_MANY = 5  # pieces of one number, all large
REPEATED = 0.3  # share of the numbers on several pieces that no cutting explains

Kind = Literal["labels", "mask", "inverted", "shades"]


@dataclass(frozen=True)
class Meaning:
    """What a picture of numbers is.

    Attributes
    ----------
    kind : "labels", "mask", "inverted" or "shades"
        A mask has two values; of an inverted one nuclei are the smaller. Shades are between: smoothed or compressed
        edges of a mask, or a photograph.
    count : int
        How many different numbers above 0 there are.
    problem : str or None
        Why the numbers are not those of nuclei, and what to do; of "labels" alone.
    crumbs : bool
        Whether most pieces of a number are too small for a nucleus.
    """

    kind: Kind
    count: int
    problem: str | None = None
    crumbs: bool = False


def judge(numbers: np.ndarray) -> Meaning:
    """Say what a (h, w) picture of numbers is: bool, integers or whole floats."""
    numbers = _middle(numbers)
    values = np.unique(numbers)
    count = int((values > 0).sum())
    if len(values) == 2:
        high = numbers == values[1]
        if looks_inverted(high):
            return Meaning("inverted", count)
        if values[0] != 0 or looks_binary(numbers):
            return Meaning("mask", count)
    if count < 2:
        return Meaning("labels", count)
    labels = renumber(numbers if numbers.dtype.kind in "bu" else numbers.astype(np.int64))
    owner, size = pieces(labels)
    crumbs = bool(np.median(size) < CRUMB_PX)
    if crumbs and len(size) > 1.5 * count:
        return Meaning("shades", count, crumbs=True)
    large = np.bincount(owner[are_large(size)], minlength=count + 1)[1:]
    present = present_labels(numbers)
    return Meaning("labels", count, _background(labels, present) or _problem(present, large), crumbs)


def _middle(numbers: np.ndarray) -> np.ndarray:
    """Give the middle of a picture that is larger than `LOOK_AT`."""
    starts = [max(0, (side - LOOK_AT) // 2) for side in numbers.shape]
    return numbers[starts[0] : starts[0] + LOOK_AT, starts[1] : starts[1] + LOOK_AT]


def _background(labels: np.ndarray, present: np.ndarray) -> str | None:
    """Find a number that covers most of the picture and reaches all of its sides, beside others."""
    areas = np.bincount(labels.ravel())
    largest = int(areas[1:].argmax()) + 1
    share = areas[largest] / labels.size
    own = labels == largest
    if len(present) < 3 or share <= 0.5 or not all(side.any() for side in (own[0], own[-1], own[:, 0], own[:, -1])):
        return None
    return (
        f"the number {present[largest - 1]:g} covers {share:.0%} of the picture and reaches all of its sides: is it "
        "the background? it must be 0"
    )


def _problem(present: np.ndarray, large: np.ndarray) -> str | None:
    """Say what many pieces of one number come from; `large` counts those that are no crumbs."""
    count, top = len(present), int(present[-1])
    repeated = int((large > 1).sum())
    bits = LIMITS.get(top)
    full = bits is not None and count >= FULL * top
    if count <= MAX_CLASSES and large.sum() >= MANY_PIECES * count:
        listed = ", ".join(f"{number:g}" for number in present[:5]) + (" ..." if count > 5 else "")
        return (
            f"the numbers {listed} lie on {large.sum()} separate pieces: these are classes (or inside and border), "
            "not nuclei; export one number per nucleus, or give format='classes' to make a nucleus of every piece"
        )
    if full and large[-1] > 1 and repeated < REPEATED * count:
        return (
            f"the number {top} lies on {large[-1]} separate pieces: numbers above it were clipped to {bits} bits; "
            f"export the label image again with {2 * (bits or 0)} bits"
        )
    began_again = full and (repeated > 1 or (count == top and large[0] > 1))
    if began_again or (count > MAX_CLASSES and repeated > REPEATED * count):
        worst = int(large.argmax())
        cause = f"numbers above {top} began again at 0 in {bits} bits (wrapped)" if full else "numbers are used again"
        remedy = f"with {2 * bits} bits" if full and bits else "with one number per nucleus"
        return (
            f"{plural(repeated, 'number')} of {count} lie on several separate pieces, such as {present[worst]:g} on "
            f"{large[worst]}: {cause}; export the label image again {remedy}"
        )
    worst = int(large.argmax())
    if large[worst] >= FAR_TOO_MANY:
        return (
            f"the number {present[worst]:g} lies on {large[worst]} separate pieces, expected one nucleus; give every "
            "piece its own number, or 0 if it is no nucleus"
        )
    return None
