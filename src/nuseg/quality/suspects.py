"""Single nuclei that look wrong: what checks of nuclei have in common."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nuseg.quality.check import Measured
from nuseg.quality.finding import Box, Finding, View
from nuseg.types import Floats

SHOWN = 6  # pictures of one finding
MANY = 3  # nuclei of one image from which on it has a finding of its own
SHARE = 0.01  # of its nuclei, at least


@dataclass(frozen=True, eq=False)
class Suspect:
    """A place that looks wrong.

    Attributes
    ----------
    box : Box
    nuclei : tuple of int
        Numbers of the annotated nuclei that it is about.
    score : float
        The higher, the clearer.
    found : tuple of (k, 2) float64
        Outlines of nuclei that the model found there (px).
    """

    box: Box
    nuclei: tuple[int, ...] = ()
    score: float = 0.0
    found: tuple[Floats, ...] = ()


@dataclass(frozen=True)
class Suspects:
    """All suspects of an image, and of how many nuclei; `grave`: worth a warning however few they are."""

    places: tuple[Suspect, ...]
    of: int
    grave: bool = False

    def are_many(self, many: int, share: float) -> bool:
        """Whether they are worth a warning."""
        return self.grave or (len(self.places) >= many and len(self.places) >= share * self.of)


def judge_suspects(
    measured: Sequence[Measured[Suspects]],
    check: str,
    wording: Callable[[int, int], str],
    advice: str,
    *,
    many: int = MANY,
    share: float = SHARE,
) -> list[Finding]:
    """Give a warning for each image with many suspects, and one note for single ones elsewhere.

    Parameters
    ----------
    measured : sequence of Measured
    check : str
        Name of the check.
    wording : callable
        From the number of suspects and of nuclei to a sentence.
    advice : str
    many : int
        Suspects from which on an image has a warning of its own.
    share : float
        Of its nuclei that they must be, too.
    """
    findings, single = [], []
    for one in measured:
        places = one.facts.places
        if one.facts.are_many(many, share):
            text = wording(len(places), one.facts.of)
            findings.append(Finding(check, "warning", (one.item.name,), text, advice, views(one)[:SHOWN]))
        elif places:
            single.append(one)
    findings.sort(key=lambda finding: -_places(measured, finding.images[0]))
    if single:
        count = sum(len(one.facts.places) for one in single)
        text = wording(count, sum(one.facts.of for one in single))
        pictures = sorted(
            ((place, view) for one in single for place, view in zip(_ranked(one), views(one), strict=True)),
            key=lambda pair: -pair[0].score,
        )
        names = tuple(one.item.name for one in single)
        findings.append(Finding(check, "note", names, text, advice, tuple(view for _, view in pictures[:SHOWN])))
    return findings


def views(one: Measured[Suspects]) -> tuple[View, ...]:
    """Give a view of every suspect of an image, the clearest first."""
    return tuple(View(one.item.name, one.item.name, place.box, place.nuclei, place.found) for place in _ranked(one))


def _ranked(one: Measured[Suspects]) -> list[Suspect]:
    return sorted(one.facts.places, key=lambda place: -place.score)


def _places(measured: Sequence[Measured[Suspects]], name: str) -> int:
    return next(len(one.facts.places) for one in measured if one.item.name == name)
