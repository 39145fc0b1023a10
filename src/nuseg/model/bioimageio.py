"""A model as a package of the BioImage Model Zoo, which Fiji (deepImageJ), ilastik, QuPath and others run.

Source: bioimage.io specification of models 0.5 (https://bioimage-io.github.io/spec-bioimage-io).
"""

import re
import shutil
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import yaml

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_folder, atomic_path
from nuseg.io.image import write_png
from nuseg.measure.classes import MAP
from nuseg.model.config import ModelConfig
from nuseg.model.store import CARD_FILE, GRAPH_FILE, Model, save_config, sha256
from nuseg.plot.outlines import draw_outlines
from nuseg.text import in_short
from nuseg.types import RGB, Floats

DESCRIPTION = "bioimageio.yaml"
PACKAGES = ("bioimageio.core", "onnx", "onnxruntime")
COVER = 256  # px; the cover is twice as wide
NAME = re.compile(r"[^A-Za-z0-9_+\- ()]")  # what a name in the zoo cannot hold
LONGEST_NAME, LONGEST_DESCRIPTION, LONGEST_TEXT = 64, 512, 128
TOLERANCE = {"relative_tolerance": 1e-2, "absolute_tolerance": 5e-3, "mismatched_elements_per_million": 500}
PAPER = {
    "text": "Ronneberger O, Fischer P, Brox T. U-Net: Convolutional Networks for Biomedical Image Segmentation. "
    "MICCAI 2015.",
    "doi": "10.1007/978-3-319-24574-4_28",
}


def smallest_side(config: ModelConfig) -> int:
    """Say how large (px) a window has to be at least: one stride inside the halo."""
    return 2 * halo(config) + config.stride


def example_side(config: ModelConfig) -> int:
    """Say how large (px) the test image is: the smallest size of a window that shows more than a nucleus or two."""
    smallest = smallest_side(config)
    return smallest + max(0, -(-(COVER - smallest) // config.stride)) * config.stride


def halo(config: ModelConfig) -> int:
    """Pixels at each side of a window that its surroundings can change: the margin, in whole strides."""
    return max(1, -(-config.margin // config.stride)) * config.stride


def export_bioimageio(model: Model, path: str | Path, example: RGB, authors: Sequence[str] = ()) -> None:
    """Write a model as a package, which bioimageio.core has checked and run.

    The unpacked package is a model folder of nuseg, too.

    Parameters
    ----------
    model : Model
        Its ONNX graph of full precision is packed.
    path : path
        A folder, or a zip archive if it ends in ".zip"; appears when it is whole.
    example : (h, w, 3) uint8
        An H&E image at the model's resolution, at least `example_side` px wide and high: test input and cover.
    authors : sequence of str
        Who made the model, for its description.

    Raises
    ------
    NusegError
        A package is missing, the example is too small, bioimageio.core finds a fault, or the place cannot be written.
    """
    check_installed()
    least = example_side(model.config)
    if min(example.shape[:2]) < least:
        raise NusegError(
            f"example=: expected at least {least} px a side for this model, "
            f"found {example.shape[1]} x {example.shape[0]} px"
        )
    path = Path(path)
    if path.suffix == ".zip":
        with TemporaryDirectory() as place, atomic_path(path) as temporary:
            fill(model, example, Path(place), authors)
            check_package(Path(place), path)
            shutil.make_archive(str(temporary.with_suffix("")), "zip", place)
    else:
        with atomic_folder(path) as folder:
            fill(model, example, folder, authors)
            check_package(folder, path)


def check_installed() -> None:
    """Check that what writes and checks a package is there, before any work.

    Raises
    ------
    NusegError
        A package of Python is missing.
    """
    try:
        for name in PACKAGES:
            import_module(name)
    except ImportError as error:
        raise NusegError(f"a package for bioimage.io needs {error.name}: pip install 'nuseg[bioimageio]'") from error


def fill(model: Model, example: RGB, folder: Path, authors: Sequence[str]) -> None:
    """Write the files of a package into an empty folder."""
    side = example_side(model.config)
    pixels = np.ascontiguousarray(example[:side, :side])
    shutil.copyfile(model.graph(), folder / GRAPH_FILE)
    config = model.config.model_copy(update={"precision": "f32"})  # the one graph that is packed
    save_config(config, folder)
    maps = run_graph(folder / GRAPH_FILE, pixels)
    np.save(folder / "test_image.npy", pixels[None])
    np.save(folder / "test_maps.npy", maps[None])
    write_png(folder / "cover.png", draw_cover(pixels, maps, config))
    write_png(folder / "sample.png", pixels)
    card = (folder / CARD_FILE).read_text(encoding="utf-8")
    (folder / CARD_FILE).unlink()
    (folder / "README.md").write_text(f"{card}\n{usage(config)}", encoding="utf-8")
    text = yaml.safe_dump(describe(config, folder, authors), sort_keys=False, allow_unicode=True)
    (folder / DESCRIPTION).write_text(text, encoding="utf-8")


def run_graph(graph: Path, pixels: RGB) -> Floats:
    """Run an ONNX graph on an image `(h, w, 3)`; gives its maps `(k, h, w)` float32."""
    import onnxruntime

    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    maps: Floats = session.run(["maps"], {"image": pixels[None]})[0][0]
    return maps


def draw_cover(pixels: RGB, maps: Floats, config: ModelConfig) -> RGB:
    """Draw the middle of an image, and beside it the same with the outlines of the mask."""
    top, left = ((side - min(side, COVER)) // 2 for side in pixels.shape[:2])
    part = np.s_[top : top + COVER, left : left + COVER]
    mask = (maps[0][part] >= config.thresholds.mask).astype(np.int32)
    shown = np.hstack([pixels[part], draw_outlines(pixels[part], mask)])
    return np.asarray(cv2.resize(shown, (2 * COVER, COVER), interpolation=cv2.INTER_AREA), np.uint8)


def describe(config: ModelConfig, folder: Path, authors: Sequence[str]) -> dict[str, Any]:
    """Make the content of `bioimageio.yaml` for the files in a folder."""
    import onnx

    graph = onnx.load(folder / GRAPH_FILE, load_external_data=False)
    opset = next(used.version for used in graph.opset_import if not used.domain)
    return {
        "format_version": "0.5.4",
        "type": "model",
        "name": f"nuseg {NAME.sub('-', config.name)}"[:LONGEST_NAME],
        "description": in_short(config.description, LONGEST_DESCRIPTION) or "Nuclei in H&E images, by a U-Net.",
        "authors": [{"name": name} for name in authors],
        "covers": ["cover.png"],
        "documentation": "README.md",
        "cite": [PAPER],
        "tags": ["2d", "histology", "h-and-e", "nuclei", "instance-segmentation", "unet", "nuseg"],
        **({"license": config.licence} if is_spdx(config.licence) else {}),
        "attachments": [{"source": "model.json", "sha256": sha256(folder / "model.json")}],
        "inputs": [image_tensor(config)],
        "outputs": [maps_tensor(config)],
        "weights": {
            "onnx": {
                "source": GRAPH_FILE,
                "sha256": sha256(folder / GRAPH_FILE),
                "opset_version": opset,
                "comment": "pixel normalisation and padding to the stride are inside",
            }
        },
        "config": {
            "bioimageio": {"reproducibility_tolerance": [TOLERANCE]},
            "nuseg": {
                "version": version("nuseg"),
                "mpp": config.mpp,
                "stride": config.stride,
                "margin": config.margin,
                "thresholds": config.thresholds.model_dump(),
            },
        },
    }


def image_tensor(config: ModelConfig) -> dict[str, Any]:
    """Describe the input: an RGB image at the model's resolution, as an image file holds it."""
    size = {"min": smallest_side(config), "step": config.stride}
    return {
        "id": "image",
        "description": f"H&E image, RGB, {config.mpp:g} um/px",
        "axes": [
            {"type": "batch"},
            *(space(axis, config, size=size, concatenable=True) for axis in "yx"),
            {"type": "channel", "channel_names": ["red", "green", "blue"]},
        ],
        "data": {"type": "uint8", "range": [0, 255]},
        "test_tensor": {"source": "test_image.npy"},
        "sample_tensor": {"source": "sample.png"},
    }


def maps_tensor(config: ModelConfig) -> dict[str, Any]:
    """Describe the output: a map per head's channel."""
    sizes = {axis: {"tensor_id": "image", "axis_id": axis} for axis in "yx"}
    return {
        "id": "maps",
        "description": f"0 to 1: {', '.join(config.maps)}"[:LONGEST_TEXT],
        "axes": [
            {"type": "batch"},
            {"type": "channel", "channel_names": list(config.maps)},
            *(space(axis, config, size=sizes[axis], halo=halo(config)) for axis in "yx"),
        ],
        "data": {"type": "float32", "range": [0.0, 1.0]},
        "test_tensor": {"source": "test_maps.npy"},
    }


def space(axis: str, config: ModelConfig, **more: Any) -> dict[str, Any]:
    """Describe an axis of an image."""
    return {"type": "space", "id": axis, "unit": "micrometer", "scale": config.mpp, **more}


def is_spdx(licence: str) -> bool:
    """Whether a licence is named as SPDX does, as the zoo needs it."""
    from bioimageio.spec.generic.v0_3 import LicenseId

    try:
        LicenseId(licence)
    except ValueError:
        return False
    return True


def usage(config: ModelConfig) -> str:
    """Say how the package is used, and how it is validated."""
    limits = config.thresholds
    of_classes = ""
    if config.classes:
        of_classes = (
            f"\nClass of a nucleus: the mean of each map `{MAP}NAME` over its pixels, to the power "
            f"1 / {config.class_calibration.temperature:g}; the largest is its class, its share of their sum the "
            "probability.\n"
        )
    return f"""## Use

Input: RGB images of H&E sections, uint8, at {config.mpp:g} um/px: rescale others first. Output: maps of 0 to 1,
{", ".join(f"`{name}`" for name in config.maps)}. Pixels are normalised inside the graph.

From maps to nuclei: pixels whose mask probability is at least {limits.mask:g} belong to nuclei; peaks of the normalised
distance above {limits.marker:g} tell touching nuclei apart, in a watershed. `nuseg segment --model FOLDER` does all of
it (rescaling, tiles, nuclei, measures), where FOLDER is this package, unpacked.
{of_classes}
Tiles: crop {halo(config)} px from each side of a tile's maps, and begin tiles at multiples of {config.stride} px.

## Validation

Scores in this card were measured by nuseg on images that the model was not trained on. To validate it on images of
your own, annotate some, then use `nuseg prepare` and `nuseg evaluate --model FOLDER`.
"""


def check_package(folder: Path, path: Path) -> None:
    """Have bioimageio.core read the package in a folder, which will be at `path`, and run it on its test image.

    Raises
    ------
    NusegError
        It finds a fault.
    """
    from bioimageio.core import test_description
    from loguru import logger

    logger.disable("bioimageio")  # it tells every step on stderr
    try:
        summary = test_description(folder / DESCRIPTION, devices=["CPUExecutionProvider"])
    finally:
        logger.enable("bioimageio")
    if summary.status != "passed":
        faults = "; ".join(error.msg for detail in summary.details for error in detail.errors)
        raise NusegError(
            f"{path}: expected a package that bioimageio.core accepts, found a fault ({in_short(faults)}); check the "
            "model, and that pydantic is older than 2.14"
        )
