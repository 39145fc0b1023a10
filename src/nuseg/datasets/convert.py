"""One annotated image from the user's files to a dataset's files, with all that was noticed on the way."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nuseg.annotations.annotation import Annotation, Canvas
from nuseg.annotations.format import AnnotationFormat
from nuseg.annotations.formats.label_image import FORMAT as LABEL_IMAGE
from nuseg.annotations.formats.label_image import LARGEST_IN_PNG
from nuseg.datasets.checks import LabelFacts, check_image, check_labels, describe_labels
from nuseg.datasets.findings import Finding
from nuseg.datasets.pairing import Pair
from nuseg.errors import NusegError
from nuseg.io.image import Image, write_png
from nuseg.io.opening import read_image
from nuseg.io.resolution import DEFAULT_MPP, Resolution, resolve_mpp


@dataclass(frozen=True)
class Converted:
    """An image that now lies in the dataset.

    Attributes
    ----------
    name : str
    image, label : str
        Its files, relative to the dataset's folder.
    resolution : Resolution
    facts : LabelFacts
    instance : bool
        Whether its annotation tells touching nuclei apart.
    pixel_hash, label_hash : str
        See `content_hash`.
    """

    name: str
    image: str
    label: str
    resolution: Resolution
    facts: LabelFacts
    instance: bool
    pixel_hash: str
    label_hash: str


def convert(
    pair: Pair, kind: AnnotationFormat, mpp: float | None, folder: Path
) -> tuple[Converted | None, list[Finding]]:
    """Read, check and write one image with its label image.

    Parameters
    ----------
    pair : Pair
    kind : AnnotationFormat
        Format of the annotation.
    mpp : float, optional
        um per pixel; default: what the image says.
    folder : Path
        The dataset being made.

    Returns
    -------
    converted : Converted or None
        None where an error was found.
    findings : list of Finding
    """
    try:
        image = read_pixels(pair, kind)
        annotation = read_nuclei(pair, kind, image, mpp)
        resolution, warnings = _resolution(image, mpp)
    except NusegError as problem:
        return None, [Finding("error", str(problem), pair.name)]
    labels = annotation.labels
    assert labels is not None
    facts = describe_labels(labels, resolution.mpp)
    warnings += check_image(image.pixels)
    warnings += check_labels(facts, eight_bit=annotation.label_limit == np.iinfo(np.uint8).max)
    findings = [Finding("note", text, pair.name) for text in annotation.notes]
    findings += [Finding("warning", text, pair.name) for text in warnings]
    name = f"{pair.name}.png"
    write_png(folder / "images" / name, image.pixels)
    converted = Converted(
        name=pair.name,
        image=f"images/{name}",
        label=f"labels/{_write_labels(folder / 'labels' / name, labels)}",
        resolution=resolution,
        facts=facts,
        instance=annotation.instance,
        pixel_hash=content_hash(image.pixels),
        label_hash=content_hash(labels),
    )
    return converted, findings


def content_hash(array: np.ndarray) -> str:
    """SHA-256 of an array's dtype, shape and values."""
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape} ".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def read_pixels(pair: Pair, kind: AnnotationFormat) -> Image:
    """Read an image from its file, or from beside its annotation.

    Raises
    ------
    NusegError
        Unreadable.
    """
    pixels = kind.load_pixels(pair.annotation.path, pair.annotation.image or pair.name) if pair.together else None
    return read_image(pair.image) if pixels is None else Image(pixels, path=pair.image)


def read_nuclei(pair: Pair, kind: AnnotationFormat, image: Image, mpp: float | None = None) -> Annotation:
    """Read an image's annotation as an int32 label image of the numbers 1..N; `mpp` (um/px) goes before the image's.

    Raises
    ------
    NusegError
        Unreadable, or of another size than the image.
    """
    entry, shape = pair.annotation, (image.pixels.shape[0], image.pixels.shape[1])
    canvas = Canvas(pair.image.name, shape, image.mpp if mpp is None else mpp, pair.image)
    annotation = kind.load(entry.path, entry.image or pair.name, shape, canvas)
    if annotation.shape not in (None, shape):
        (height, width), (label_height, label_width) = shape, annotation.shape
        turned = (height, width) == (label_width, label_height)
        hint = "is it transposed?" if turned else "export it at the image's size"
        raise NusegError(
            f"{entry}: the annotation is {label_width}x{label_height} but the image {pair.image.name} is "
            f"{width}x{height} (width x height); {hint}"
        )
    try:
        return annotation.numbered(shape)
    except ValueError as problem:
        raise NusegError(f"{entry}: contradicts itself ({problem}); export it again") from problem


def _resolution(image: Image, mpp: float | None) -> tuple[Resolution, list[str]]:
    """Resolution and warnings; a default is not warned of here for each image but returned as a text to join."""
    if mpp is None and image.mpp is None and image.mpp_problem is None:
        text = f"no resolution in the file, taken as {DEFAULT_MPP} um/px (40x): give mpp= if that is wrong"
        return Resolution(DEFAULT_MPP, "default"), [text]
    resolution = resolve_mpp(image, mpp)
    if resolution.note and image.mpp is not None:
        return resolution, [f"the file states {image.mpp:.3g} um/px, but {mpp:g} was given and is taken"]
    return resolution, []


def _write_labels(path: Path, labels: np.ndarray) -> str:
    """Write as 16-bit PNG, or as 32-bit TIFF where 16 bits do not hold all labels; gives the file's name."""
    if int(labels.max(initial=0)) > LARGEST_IN_PNG:
        path = path.with_name(f"{path.stem}.tif")
    LABEL_IMAGE.write(Annotation(labels), path)
    return path.name
