"""What makes the classes of an image uncertain: nuclei unlike the examples, another model, another resolution."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nuseg.classification.classifier import Learning
from nuseg.classification.files import ImageResult
from nuseg.classification.likeness import UNLIKE
from nuseg.text import plural, printable, shortened

FARTHER = 1.5  # times the resolution of the examples
NAMED = 3  # images of many with the same finding


@dataclass(frozen=True)
class Finding:
    """What somebody should know of the classes of an image.

    Attributes
    ----------
    image : str
    what : str
        The same for all images that have it.
    detail : str
        Of this image.
    advice : str
        What to do.
    """

    image: str
    what: str
    detail: str
    advice: str

    @property
    def note(self) -> str:
        """For what is about the image alone."""
        return f"classes: {self.what} ({self.detail}): {self.advice}"


def findings_of(learning: Learning, result: ImageResult, unlike: float) -> list[Finding]:
    """Hold an image against what the classifier was learned from; `unlike` is the share of nuclei beyond it, 0..1."""
    name, row, found = printable(result.name), result.row, []
    if unlike >= UNLIKE:
        found.append(
            Finding(
                name,
                "nuclei unlike the examples, by stain, sharpness, size or what is around them",
                f"{unlike:.0%} of them",
                "look at them, mark some there, and learn anew",
            )
        )
    if row.model not in learning.model:
        found.append(
            Finding(
                name,
                "nuclei found by another model than the examples",
                f"{shortened(row.model, 60)}, not {shortened(', '.join(learning.model), 60)}",
                "segment with that model, or learn anew",
            )
        )
    nearest = min(learning.mpp, key=lambda mpp: abs(mpp - result.mpp), default=result.mpp)
    if not 1 / FARTHER <= result.mpp / nearest <= FARTHER:
        found.append(
            Finding(
                name,
                "another resolution than that of the examples",
                f"{result.mpp:.3g} um/px, not {nearest:.3g}",
                "look at the classes, or mark some nuclei there, and learn anew",
            )
        )
    return found


def gathered(findings: Iterable[Finding]) -> list[str]:
    """Say each kind of finding once, with the first images that have it."""
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        kinds.setdefault((finding.what, finding.advice), []).append(finding)
    return [_line(own) for own in kinds.values()]


def _line(found: Sequence[Finding]) -> str:
    first = found[0]
    if len(found) == 1:
        return f"{first.image}: {first.note}"
    listed = "; ".join(f"{one.image}: {one.detail}" for one in found[:NAMED]) + ("; ..." if len(found) > NAMED else "")
    return f"{plural(len(found), 'image')}: classes: {first.what} ({listed}): {first.advice}"
