"""One annotated image from the user's files to a dataset's files, with all that was noticed on the way."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from nuseg.annotations import binary_mask, label_image, mask_folder
from nuseg.datasets.checks import (
    Finding,
    LabelFacts,
    check_image,
    check_labels,
    describe_labels,
    looks_binary,
)
from nuseg.datasets.pairing import Format, Pair
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.io.image import Image, read_image, write_png
from nuseg.io.resolution import DEFAULT_MPP, Resolution, resolve_mpp


@dataclass(frozen=True)
class Converted:
    """An image that now lies in the dataset; `image` and `label` are relative to its folder."""

    name: str
    image: str
    label: str
    resolution: Resolution
    facts: LabelFacts
    pixel_hash: str
    label_hash: str


def convert(
    pair: Pair, annotation_format: Format, mpp: float | None, folder: Path
) -> tuple[Converted | None, list[Finding]]:
    """Read, check and write one image with its label image.

    Parameters
    ----------
    pair : Pair
    annotation_format : "labels", "binary" or "folders"
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
        image = read_image(pair.image)
        labels, eight_bit, findings = _read_labels(pair, annotation_format)
        _check_sizes(pair, image.pixels, labels)
        resolution, warnings = _resolution(image, mpp)
    except NusegError as problem:
        return None, [Finding("error", str(problem), pair.name)]
    facts = describe_labels(labels, resolution.mpp)
    warnings += check_image(image.pixels)
    warnings += check_labels(facts, eight_bit=eight_bit)
    findings += [Finding("warning", text, pair.name) for text in warnings]
    name = f"{pair.name}.png"
    write_png(folder / "images" / name, image.pixels)
    converted = Converted(
        name=pair.name,
        image=f"images/{name}",
        label=f"labels/{_write_labels(folder / 'labels' / name, labels)}",
        resolution=resolution,
        facts=facts,
        pixel_hash=content_hash(image.pixels),
        label_hash=content_hash(labels),
    )
    return converted, findings


def content_hash(array: np.ndarray) -> str:
    """SHA-256 of an array's dtype, shape and values."""
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape} ".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _read_labels(pair: Pair, annotation_format: Format) -> tuple[np.ndarray, bool, list[Finding]]:
    """Label image, whether it was stored in 8 bits, and notes."""
    if annotation_format == "folders":
        if not pair.annotation.is_dir():
            raise NusegError(
                f"{pair.annotation}: is a file, expected a folder of masks; give --format labels or binary"
            )
        return mask_folder.read(pair.annotation), False, []
    if pair.annotation.is_dir():
        raise NusegError(f"{pair.annotation}: is a folder, expected a file; give --format folders")
    if annotation_format == "binary":
        return binary_mask.read(pair.annotation), False, []
    stored = label_image.read_stored(pair.annotation)
    if looks_binary(stored):
        values = f"{{0, {int(stored.max())}}}"
        raise NusegError(
            f"{pair.annotation}: is a binary mask (values {values} on several pieces), expected one number per "
            "nucleus; give --format binary to number the pieces"
        )
    labels = label_image.renumber(stored)
    findings = []
    if int(stored.max()) != int(labels.max()):
        findings.append(Finding("note", "labels have gaps: renumbered 1..N", pair.name))
    return labels, stored.dtype == np.uint8, findings


def _check_sizes(pair: Pair, pixels: np.ndarray, labels: np.ndarray) -> None:
    if pixels.shape[:2] == labels.shape:
        return
    (height, width), (label_height, label_width) = pixels.shape[:2], labels.shape
    hint = "is it transposed?" if (height, width) == (label_width, label_height) else "export it at the image's size"
    raise NusegError(
        f"{pair.annotation}: the annotation is {label_width}x{label_height} but the image {pair.image.name} is "
        f"{width}x{height} (width x height); {hint}"
    )


def _resolution(image: Image, mpp: float | None) -> tuple[Resolution, list[str]]:
    """Resolution and warnings; a default is not warned of here for each image but returned as a text to join."""
    if mpp is None and image.mpp is None and image.mpp_problem is None:
        text = f"no resolution in the file, taken as {DEFAULT_MPP} um/px (40x): give --mpp if that is wrong"
        return Resolution(DEFAULT_MPP, "default"), [text]
    resolution = resolve_mpp(image, mpp)
    if mpp is not None and image.mpp is not None and not 0.9 < mpp / image.mpp < 1.1:
        return resolution, [f"the file states {image.mpp:.3g} um/px, but {mpp:g} was given and is taken"]
    return resolution, []


def _write_labels(path: Path, labels: np.ndarray) -> str:
    """Write as 16-bit PNG, or as 32-bit TIFF where 16 bits do not hold all labels; gives the file's name."""
    if int(labels.max(initial=0)) <= np.iinfo(np.uint16).max:
        write_png(path, labels.astype(np.uint16))
        return path.name
    path = path.with_name(f"{path.stem}.tif")
    with atomic_path(path) as temporary:
        tifffile.imwrite(temporary, labels, compression="zlib")
    return path.name
