"""Which results of a cohort should be looked at, and why."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nuseg.measure.colours import stain_scores, stain_words
from nuseg.measure.focus import find_soft
from nuseg.results.cohort.gather import Entry
from nuseg.text import plural

STEPS = 2  # classes of resolution for each factor of 2: pictures are as sharp as others of their class


@dataclass(frozen=True)
class Look:
    """Something to look at.

    Attributes
    ----------
    kind : str
        In a word or two.
    names : tuple of str
        Of the results that it is about.
    text, advice : str
        What is to be seen, and what to do.
    """

    kind: str
    names: tuple[str, ...]
    text: str
    advice: str


def find_looks(entries: Sequence[Entry]) -> list[Look]:
    """Find what should be looked at: single images first, then what is about many."""
    single = [*colours(entries), *focus(entries), *stains(entries)]
    return [*single, *doubts(entries), *empty(entries), *damaged(entries), *mixed(entries)]


def colours(entries: Sequence[Entry]) -> list[Look]:
    """Images that are unlike H&E."""
    advice = "nuseg is made for H&E: do not use these counts, or export the image again"
    return [
        Look("colours", (entry.name,), "; ".join(entry.facts.unlike), advice) for entry in entries if entry.facts.unlike
    ]


def focus(entries: Sequence[Entry]) -> list[Look]:
    """Images that are softer than the others of about their resolution, or soft by any measure."""
    classes: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.row.mpp:
            classes[round(STEPS * float(np.log2(entry.row.mpp)))].append(entry)
    found = []
    for held in classes.values():
        known = [entry.facts.sharpness for entry in held]
        values = np.array([np.nan if value is None else value for value in known])
        soft, usual = find_soft(values)
        for place in np.flatnonzero(soft).tolist():
            text = f"out of focus, or enlarged: sharpness {values[place]:.2f}, median of such images {usual:.2f}"
            found.append(
                Look("focus", (held[place].name,), text, "look at the outlines; scan it again, or leave it out")
            )
    return sorted(found, key=lambda look: look.names)


def stains(entries: Sequence[Entry]) -> list[Look]:
    """Images that are stained unlike the others."""
    known = [entry for entry in entries if len(entry.facts.stain) == 3 and not entry.facts.unlike]
    if not known:
        return []
    scores = stain_scores(np.array([entry.facts.stain for entry in known]))
    found = []
    for place in np.argsort(-np.abs(scores).max(axis=1), kind="stable").tolist():
        words = stain_words(scores[place])
        if words:
            text = f"stained unlike the others: {words} ({np.abs(scores[place]).max():.1f} standard deviations)"
            advice = "look at the outlines; check scanner, stain and file"
            found.append(Look("stain", (known[place].name,), text, advice))
    return found


def doubts(entries: Sequence[Entry]) -> list[Look]:
    """Images whose nuclei may have wrong classes."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in entries:
        for doubt in entry.facts.doubts:
            found[doubt].append(entry.name)
    return [Look("classes", tuple(names), text, advice) for (text, advice), names in found.items()]


def empty(entries: Sequence[Entry]) -> list[Look]:
    """Images without a nucleus."""
    names = tuple(entry.name for entry in entries if not entry.row.nuclei)
    advice = "check that it is tissue, and the resolution"
    return [Look("no nuclei", names, "no nucleus was found", advice)] if names else []


def damaged(entries: Sequence[Entry]) -> list[Look]:
    """Images of which parts could not be read."""
    return [
        Look(
            "damaged",
            (entry.name,),
            f"{plural(entry.row.damaged_tiles, 'part')} of the file could not be read and hold no nuclei here",
            "copy or export the file again",
        )
        for entry in entries
        if entry.row.damaged_tiles
    ]


def mixed(entries: Sequence[Entry]) -> list[Look]:
    """Images whose resolution was assumed, and results that were made in different ways."""
    found = []
    assumed = tuple(entry.name for entry in entries if entry.row.mpp_source == "default")
    if assumed:
        mpp = ", ".join(sorted({f"{entry.row.mpp:g}" for entry in entries if entry.row.mpp_source == "default"}))
        text = f"the file states no resolution: {mpp} um/px was assumed; densities and sizes depend on it"
        found.append(Look("resolution", assumed, text, "segment again, and give the right resolution"))
    ways = Counter(entry.row.settings for entry in entries)
    if len(ways) > 1:
        usual = ways.most_common(1)[0][0]
        others = tuple(entry.name for entry in entries if entry.row.settings != usual)
        text = "made by another model or with other settings than most: not to be compared with them"
        found.append(Look("settings", others, text, "segment all images with the same options"))
    return found
