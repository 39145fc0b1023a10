"""One annotated image from the user's files to a dataset's files, with all that was noticed on the way."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.format import AnnotationFormat
from nuseg.annotations.formats.label_image import FORMAT as LABEL_IMAGE
from nuseg.annotations.formats.label_image import LARGEST_IN_PNG
from nuseg.annotations.tables import NucleusTable, Points, write_nuclei, write_points
from nuseg.datasets.checks import LabelFacts, check_labels, describe_labels
from nuseg.datasets.corrections import Corrections
from nuseg.datasets.findings import Finding
from nuseg.datasets.pairing import Pair
from nuseg.datasets.rules import Rules
from nuseg.datasets.samples import Sample, read_samples
from nuseg.errors import NusegError
from nuseg.io.image import write_png
from nuseg.io.resolution import Resolution
from nuseg.measure.colours import check_image

NO_NUCLEI = LabelFacts(np.empty(0), split=0, specks=0, covered=0.0, largest=0.0)


@dataclass(frozen=True)
class Converted:
    """An image that now lies in the dataset.

    Attributes
    ----------
    name, origin : str
        Of the image, and of the image or slide that it is, or is a part of.
    image : str
        Its file, relative to the dataset's folder.
    label, table, ignore, points : str or None
        Further files, see `nuseg.datasets.dataset.Item`.
    resolution : Resolution
    facts : LabelFacts
        Of the label image; of points as if there were no nuclei.
    nuclei : int
        Number of nuclei or points.
    classes : Counter of str
        Nuclei by class, those without one left out.
    vocabulary : tuple of str
        Names of classes in the order of the annotation.
    instance : bool
        Whether its annotation tells touching nuclei apart.
    ignored : int
        Pixels that are not known.
    pixel_hash, label_hash : str
        See `content_hash`.
    further_hash : str
        Of classes, points and what is not known; empty where there are none.
    """

    name: str
    origin: str
    image: str
    label: str | None
    table: str | None
    ignore: str | None
    points: str | None
    resolution: Resolution
    facts: LabelFacts
    nuclei: int
    classes: Counter[str]
    vocabulary: tuple[str, ...]
    instance: bool
    ignored: int
    pixel_hash: str
    label_hash: str
    further_hash: str


@dataclass
class Conversion:
    """What became of one pair.

    Attributes
    ----------
    done : list of Converted
        Empty where an error was found.
    findings : list of Finding
    corrections : Corrections or None
    """

    done: list[Converted] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    corrections: Corrections | None = None


def convert(pair: Pair, kind: AnnotationFormat, mpp: float | None, folder: Path, rules: Rules) -> Conversion:
    """Read, check and write one image with its annotation, or its regions.

    Parameters
    ----------
    pair : Pair
    kind : AnnotationFormat
        Format of the annotation.
    mpp : float or None
        um per pixel; None: what the image says.
    folder : Path
        The dataset being made.
    rules : Rules
        What is made of the annotation.
    """
    made = Conversion()
    try:
        read = read_samples(pair, kind, mpp, rules)
        made.corrections = read.corrections
        made.findings += [Finding("note", text, pair.name) for text in read.notes]
        for sample in read.samples:
            labels = sample.annotation.labels
            facts = NO_NUCLEI if labels is None else describe_labels(labels, sample.resolution.mpp)
            made.findings += _look_at(sample, facts)
            made.done.append(_write(sample, facts, folder))
    except NusegError as problem:
        made.findings.append(Finding("error", str(problem), pair.name))
    return made


def _look_at(sample: Sample, facts: LabelFacts) -> list[Finding]:
    """Say what is odd about an image."""
    annotation, name = sample.annotation, sample.name
    warnings = [*sample.warnings, *check_image(sample.pixels)]
    if annotation.labels is not None:
        warnings += check_labels(facts, eight_bit=annotation.label_limit == np.iinfo(np.uint8).max)
    elif not annotation.count:
        warnings.append("annotation is empty: no points")
    findings = [Finding("note", text, name) for text in annotation.notes]
    return findings + [Finding("warning", text, name) for text in warnings]


def _write(sample: Sample, facts: LabelFacts, folder: Path) -> Converted:
    """Write an image with all that is known of it."""
    annotation, name, further = sample.annotation, sample.name, []
    write_png(folder / "images" / f"{name}.png", sample.pixels)
    label = table = ignore = points = None
    nuclei, label_hash = facts.areas_um2.size if annotation.points is None else annotation.count, ""
    if annotation.labels is not None:
        label = f"labels/{_write_labels(folder / 'labels' / f'{name}.png', annotation.labels)}"
        label_hash = content_hash(annotation.labels)
    classes, ids = annotation.classes or (None,) * nuclei, annotation.ids or (None,) * nuclei
    if annotation.points is not None:
        points = f"points/{name}.csv"
        write_points(folder / points, Points(annotation.points, classes))
        further.append(f"points {content_hash(annotation.points.round(3))}")
    elif annotation.classes is not None or annotation.ids is not None:
        table = f"nuclei/{name}.csv"
        write_nuclei(folder / table, NucleusTable(np.arange(1, nuclei + 1, dtype=np.int32), classes, ids))
    if annotation.classes is not None:
        further.append(f"classes {list(classes)}")
    if sample.unknown.any():
        ignore = f"ignore/{name}.png"
        write_png(folder / ignore, sample.unknown.astype(np.uint8) * 255)
        further.append(f"unknown {content_hash(sample.unknown)}")
    return Converted(
        name=name,
        origin=sample.origin,
        image=f"images/{name}.png",
        label=label,
        table=table,
        ignore=ignore,
        points=points,
        resolution=sample.resolution,
        facts=facts,
        nuclei=nuclei,
        classes=Counter(one for one in classes if one is not None),
        vocabulary=annotation.all_classes,
        instance=annotation.instance,
        ignored=int(np.count_nonzero(sample.unknown)),
        pixel_hash=content_hash(sample.pixels),
        label_hash=label_hash,
        further_hash=hashlib.sha256("\n".join(further).encode()).hexdigest() if further else "",
    )


def content_hash(array: np.ndarray) -> str:
    """SHA-256 of an array's dtype, shape and values."""
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape} ".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _write_labels(path: Path, labels: np.ndarray) -> str:
    """Write as 16-bit PNG, or as 32-bit TIFF where 16 bits do not hold all labels; gives the file's name."""
    if int(labels.max(initial=0)) > LARGEST_IN_PNG:
        path = path.with_name(f"{path.stem}.tif")
    LABEL_IMAGE.write(Annotation(labels), path)
    return path.name
