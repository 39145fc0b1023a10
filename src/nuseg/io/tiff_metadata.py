"""The size of the pixels as the many dialects of TIFF state it."""

import math
import re
from xml.etree import ElementTree

from tifffile import TiffFile, TiffPageSeries

from nuseg.io.resolution import PixelSize, first_size, plausible_objective

UM_PER_UNIT = {
    "pm": 1e-6,
    "Å": 1e-4,
    "nm": 1e-3,
    "um": 1.0,
    "µm": 1.0,
    "μm": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "micrometre": 1.0,
    "mm": 1e3,
    "cm": 1e4,
    "m": 1e6,
    "in": 25400.0,
    "inch": 25400.0,
}
# ImageJ takes these over from the resolution that a file had for printing.
PRINTING_UNITS = ("cm", "in", "inch")
TIFF_INCH, TIFF_CENTIMETRE = 2, 3


def pixel_size(tiff: TiffFile, series: TiffPageSeries) -> PixelSize | None:
    """Return what a TIFF file says about the size of the pixels of one of its pictures.

    The first that holds numbers above 0 counts: OME-XML (PhysicalSizeX and Y with their units), ImageJ's
    description (its unit with the resolution tags), Aperio's description (``MPP = ...``), and the baseline tags
    XResolution and YResolution with ResolutionUnit inch or centimetre.
    """
    return first_size([_ome(tiff, series), _imagej(tiff), _aperio(tiff), _baseline(tiff)])


def _ome(tiff: TiffFile, series: TiffPageSeries) -> PixelSize | None:
    if not tiff.ome_metadata:
        return None
    try:
        root = ElementTree.fromstring(tiff.ome_metadata)
    except ElementTree.ParseError:
        return None
    images = root.findall("{*}Image/{*}Pixels")
    number = next((i for i, other in enumerate(tiff.series) if other is series), 0)
    if not images:
        return None
    pixels = images[number] if number < len(images) else images[0]
    x, y = (_ome_length(pixels, axis) for axis in "XY")
    if x is None and y is None:
        return None
    return PixelSize(x if x is not None else y or 0.0, y if y is not None else x or 0.0, "OME-XML PhysicalSize")


def _ome_length(pixels: ElementTree.Element, axis: str) -> float | None:
    unit = UM_PER_UNIT.get(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
    try:
        return float(pixels.get(f"PhysicalSize{axis}", "").replace(",", ".")) * unit if unit else None
    except ValueError:
        return None


def _imagej(tiff: TiffFile) -> PixelSize | None:
    description = tiff.imagej_metadata or {}
    # ImageJ writes the micro sign escaped.
    unit = str(description.get("unit", "")).replace("\\u00B5", "µ").strip()
    per_unit = _resolution_tags(tiff)
    if unit not in UM_PER_UNIT or per_unit is None:
        return None
    x, y = (UM_PER_UNIT[unit] / count for count in per_unit)
    return PixelSize(x, y, f"ImageJ resolution in {unit}", printing=unit in PRINTING_UNITS)


def _aperio(tiff: TiffFile) -> PixelSize | None:
    return aperio_pixel_size(tiff.pages.first.description)


def aperio_pixel_size(description: str) -> PixelSize | None:
    """Read ``MPP = ...`` in Aperio's description: with a decimal comma, an exponent, or 0 for not known."""
    stated = re.search(r"\bMPP\s*=\s*([-+]?[\d.,]+(?:[eE][-+]?\d+)?)", description)
    if stated is None:
        return None
    try:
        mpp = float(stated.group(1).replace(",", "."))
    except ValueError:
        return None
    return PixelSize(mpp, mpp, "Aperio MPP") if mpp > 0 and math.isfinite(mpp) else None


def aperio_objective(description: str) -> float | None:
    """Read ``AppMag = ...``, the magnification of the objective, in Aperio's description."""
    stated = re.search(r"\bAppMag\s*=\s*(\d+(?:[.,]\d+)?)", description)
    return plausible_objective(float(stated.group(1).replace(",", "."))) if stated else None


def _baseline(tiff: TiffFile) -> PixelSize | None:
    unit = tiff.pages.first.tags.valueof("ResolutionUnit", TIFF_INCH)
    length = {TIFF_INCH: UM_PER_UNIT["inch"], TIFF_CENTIMETRE: UM_PER_UNIT["cm"]}.get(unit)
    per_unit = _resolution_tags(tiff)
    if length is None or per_unit is None:
        return None
    return PixelSize(length / per_unit[0], length / per_unit[1], "TIFF XResolution", printing=True)


def _resolution_tags(tiff: TiffFile) -> tuple[float, float] | None:
    """Return the pixels per unit along x and y, where both are positive numbers."""
    tags = tiff.pages.first.tags
    counts = []
    for name in ("XResolution", "YResolution"):
        try:
            numerator, denominator = tags.valueof(name, (0, 1))
            counts.append(numerator / denominator)
        except (TypeError, ValueError, ArithmeticError):  # a tag that makes no sense says nothing
            return None
    if not all(math.isfinite(count) and count > 0 for count in counts):
        return None
    return counts[0], counts[1]
