"""Annotated images in memory, on their way from the user's files into a dataset: whole ones, or regions of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely

from nuseg.annotations.annotation import Annotation, Canvas
from nuseg.annotations.classes import without_plain
from nuseg.annotations.format import AnnotationFormat
from nuseg.annotations.object_ids import may_be_own
from nuseg.datasets.corrections import Corrections, compare
from nuseg.datasets.pairing import Pair
from nuseg.datasets.regions import Window, cut, outermost, part_regions, windows
from nuseg.datasets.rules import Rules
from nuseg.datasets.unknown import set_aside, unknown_area
from nuseg.errors import NusegError
from nuseg.io.image import Image
from nuseg.io.opening import image_source, open_source, read_image
from nuseg.io.resolution import DEFAULT_MPP, Resolution, check_mpp, resolve_mpp
from nuseg.io.source import Source
from nuseg.text import plural
from nuseg.types import RGB, Mask

_HINT = "nuclei have the ids of nuseg's results: give compared_with= these results to count what was corrected"


@dataclass(frozen=True, eq=False)
class Sample:
    """An image with all that is known of it.

    Attributes
    ----------
    name : str
    origin : str
        Name of the image or slide that it is, or is a part of.
    pixels : (h, w, 3) uint8
        RGB.
    resolution : Resolution
    annotation : Annotation
        With an int32 label image of the numbers 1..N, or points.
    unknown : (h, w) bool
        Where neither nucleus nor background is known.
    warnings : tuple of str
    """

    name: str
    origin: str
    pixels: RGB
    resolution: Resolution
    annotation: Annotation
    unknown: Mask
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Read:
    """What was read of an image and its annotation.

    Attributes
    ----------
    samples : iterator of Sample
        Each is read when it is asked for.
    corrections : Corrections or None
        None where there is nothing to compare with.
    notes : tuple of str
        What the user should know of how the annotation was read.
    """

    samples: Iterator[Sample]
    corrections: Corrections | None = None
    notes: tuple[str, ...] = ()


def read_samples(pair: Pair, kind: AnnotationFormat, mpp: float | None, rules: Rules) -> Read:
    """Read an image and its annotation: as a whole, or its regions.

    Parameters
    ----------
    pair : Pair
    kind : AnnotationFormat
        Format of the annotation.
    mpp : float or None
        um per pixel; None: what the image says.
    rules : Rules

    Raises
    ------
    NusegError
        Unreadable, of another size than the image, or without regions where these are asked for.
    """
    return (_regions if rules.cuts else _whole)(pair, kind, mpp, rules)


def read_pixels(pair: Pair, kind: AnnotationFormat) -> Image:
    """Read an image from its file, or from beside its annotation.

    Raises
    ------
    NusegError
        Unreadable.
    """
    pixels = kind.load_pixels(pair.annotation.path, pair.annotation.image or pair.name) if pair.together else None
    return read_image(pair.image) if pixels is None else Image(pixels, path=pair.image)


def read_annotation(pair: Pair, kind: AnnotationFormat, canvas: Canvas, rules: Rules) -> Annotation:
    """Read what was drawn on an image.

    Raises
    ------
    NusegError
        Unreadable, or of another size than the image.
    """
    entry, shape = pair.annotation, canvas.shape
    assert shape is not None
    if rules.ignore_label is None:
        annotation = kind.load(entry.path, entry.image or pair.name, shape, canvas)
    else:
        annotation = kind.load_without(entry.path, entry.image or pair.name, shape, rules.ignore_label)
    if annotation.shape not in (None, shape):
        (height, width), (label_height, label_width) = shape, annotation.shape
        turned = (height, width) == (label_width, label_height)
        hint = "is it transposed?" if turned else "export it at the image's size"
        raise NusegError(
            f"{entry}: the annotation is {label_width}x{label_height} but the image {pair.image.name} is "
            f"{width}x{height} (width x height); {hint}"
        )
    return annotation


def _whole(pair: Pair, kind: AnnotationFormat, mpp: float | None, rules: Rules) -> Read:
    image = read_pixels(pair, kind)
    shape = image.pixels.shape[0], image.pixels.shape[1]
    canvas = Canvas(pair.image.name, shape, image.mpp if mpp is None else mpp, pair.image)
    annotation = read_annotation(pair, kind, canvas, rules)
    resolution, warnings = _resolution(image, mpp, annotation.canvas.mpp)
    corrections, notes = _corrections(pair, annotation, canvas, rules)
    nuclei = _with_classes(annotation, resolution.mpp, rules)
    masked = None if rules.masks is None else rules.masks.read(pair.name, shape)
    whole, unknown = _known(pair, nuclei, shape, masked)
    sample = Sample(pair.name, pair.name, image.pixels, resolution, whole, unknown, tuple(warnings))
    return Read(iter([sample]), corrections, notes)


def _regions(pair: Pair, kind: AnnotationFormat, mpp: float | None, rules: Rules) -> Read:
    with _opened(pair, kind) as source:
        shape, resolution = (source.height, source.width), source.resolution(mpp)
    canvas = Canvas(pair.image.name, shape, resolution.mpp, pair.image)
    annotation = read_annotation(pair, kind, canvas, rules)
    regions, drawn = _find_regions(pair, annotation, canvas, rules)
    shown = [window for region in regions for window in windows(region, shape)]
    if not shown:
        raise NusegError(
            f"{pair.annotation}: no region of interest on {pair.image.name}; draw areas around nuclei, or name "
            "their class (region_class=) or a folder of regions (regions=)"
        )
    corrections, notes = _corrections(pair, drawn, canvas, rules, regions)
    nuclei = replace(_with_classes(drawn, resolution.mpp, rules), notes=())
    masked = None if rules.masks is None else rules.masks.read(pair.name, shape)
    warnings = (resolution.note,) if resolution.note else ()

    def made() -> Iterator[Sample]:
        taken: set[str] = set()
        with _opened(pair, kind) as source:
            for window in shown:
                inside, further = cut(nuclei, window)
                if masked is not None:
                    further |= masked[window.y : window.y + window.height, window.x : window.x + window.width]
                pixels = source.read(0, window.x, window.y, window.width, window.height)
                name = _name(pair.name, window, taken)
                known, unknown = _known(pair, inside, window.shape, further)
                yield Sample(name, pair.name, pixels, resolution, known, unknown, warnings)

    return Read(made(), corrections, (*drawn.notes, *notes))


def _opened(pair: Pair, kind: AnnotationFormat) -> Source:
    return image_source(read_pixels(pair, kind)) if pair.together else open_source(pair.image)


def _name(origin: str, window: Window, taken: set[str]) -> str:
    """Name a region's image by its place; those of one corner by their sizes, too."""
    name = f"{origin}_{window.x}_{window.y}"
    if name in taken:
        name = f"{name}_{window.width}x{window.height}"
    taken.add(name)
    return name


def _find_regions(
    pair: Pair, annotation: Annotation, canvas: Canvas, rules: Rules
) -> tuple[list[shapely.Geometry], Annotation]:
    """Find the regions of a slide, and what is left of the annotation: nuclei."""
    assert canvas.mpp is not None
    if rules.region_files is not None:
        given = rules.region_files.read(pair.name, canvas)
        return ([] if given is None else outermost(given.areas)), annotation
    rules.met.update(set(annotation.all_classes) & rules.region_classes)
    return part_regions(annotation, canvas.mpp, rules.region_classes)


def _with_classes(annotation: Annotation, mpp: float, rules: Rules) -> Annotation:
    """Give nuclei with their new classes, without those whose class means that they are not known."""
    named = without_plain(rules.names.renamed(annotation))
    rules.met.update(set(named.all_classes) & rules.unknown)
    return set_aside(named, rules.unknown, mpp)


def _known(pair: Pair, nuclei: Annotation, shape: tuple[int, int], further: Mask | None) -> tuple[Annotation, Mask]:
    """Draw nuclei, and what is not known."""
    try:
        drawn = nuclei.numbered(shape) if nuclei.points is None else _inside(nuclei, shape)
        unknown, covered = unknown_area(drawn, shape, further)
    except ValueError as problem:
        raise NusegError(f"{pair.annotation}: contradicts itself ({problem}); export it again") from problem
    if covered:
        note = f"{plural(covered, 'nucleus', 'nuclei')} in ignored areas: kept, what is annotated is known"
        drawn = replace(drawn, notes=(*drawn.notes, note))
    return drawn, unknown


def _inside(nuclei: Annotation, shape: tuple[int, int]) -> Annotation:
    """Leave out points that lie outside of the image."""
    assert nuclei.points is not None
    inside = np.all((nuclei.points >= 0) & (nuclei.points < (shape[1], shape[0])), axis=1)
    lost = int(np.sum(~inside))
    notes = (f"{plural(lost, 'point')} outside of the image: left out",) if lost else ()
    return replace(nuclei.chosen(inside), notes=(*nuclei.notes, *notes))


def _corrections(
    pair: Pair, nuclei: Annotation, canvas: Canvas, rules: Rules, within: Sequence[shapely.Geometry] | None = None
) -> tuple[Corrections | None, tuple[str, ...]]:
    """Compare nuclei with what they were before somebody corrected them, where that is given."""
    if rules.before is None:
        return None, (_HINT,) if _has_own_ids(nuclei) else ()
    before = rules.before.read(pair.name, canvas)
    if before is None:
        return None, (f"nothing of this name in {rules.before.place.name} to compare with (compared_with=)",)
    if before.points is not None or nuclei.points is not None:
        raise NusegError(f"{rules.before.place}: points cannot be compared, expected outlines (compared_with=)")
    if nuclei.labels is not None and before.labels is None and canvas.shape is not None:
        before = before.numbered(canvas.shape)
    return compare(without_plain(before), without_plain(nuclei), within), ()


def _has_own_ids(nuclei: Annotation) -> bool:
    """Whether most nuclei have ids as those of results."""
    ids = nuclei.ids or ()
    return 2 * sum(map(may_be_own, ids)) > len(ids)


def _resolution(image: Image, mpp: float | None, annotated: float | None) -> tuple[Resolution, list[str]]:
    """Give the resolution and warnings: as given, as the image says, as its annotation says, or the default.

    A default is not warned of here for each image but returned as a text to join.
    """
    unstated = mpp is None and image.mpp is None and image.mpp_problem is None
    if unstated and annotated is not None:
        return Resolution(check_mpp(annotated, "the annotation"), "annotation"), []
    if unstated:
        text = f"no resolution in the file, taken as {DEFAULT_MPP} um/px (40x): give mpp= if that is wrong"
        return Resolution(DEFAULT_MPP, "default"), [text]
    resolution = resolve_mpp(image, mpp)
    if resolution.note and image.mpp is not None:
        return resolution, [f"the file states {image.mpp:.3g} um/px, but {mpp:g} was given and is taken"]
    return resolution, []
