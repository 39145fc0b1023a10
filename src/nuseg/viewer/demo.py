"""What `nuseg demo` does: a real image with annotated nuclei, a small real slide, one page."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np

from nuseg.evaluation.report import score_image
from nuseg.io.atomic import atomic_path
from nuseg.io.reader import Kind
from nuseg.model.store import Quality
from nuseg.plot.density import draw_overview
from nuseg.plot.outlines import draw_outlines
from nuseg.report.page import write_page
from nuseg.results.facts import densest_fields
from nuseg.results.segmentation import Segmentation
from nuseg.types import LabelImage
from nuseg.viewer.page import Panel, render_page

PAGE = "index.html"
SAMPLES = files("nuseg.viewer") / "samples"
ATTRIBUTION = "ATTRIBUTION.txt"
FIELD_PX = 512  # side of the piece of a slide that is shown with its outlines
SHOWN_SCORES = {"dice": "Dice", "aji": "AJI", "pq": "PQ", "f1": "F1 at IoU 0.5"}
OUTPUTS: dict[Kind, tuple[str, ...]] = {
    "image": ("mask", "labels", "geojson", "csv", "overlay"),
    "slide": ("geojson", "csv", "density", "overview", "summary"),
}
WHAT = {
    "mask": "nuclei mask, 0 and 255",
    "labels": "label image: 0 background, 1..N nuclei",
    "geojson": "outlines: drag onto the image in QuPath",
    "csv": "one row per nucleus: place, size, form, stain, probability",
    "overlay": "the image with outlines",
    "density": "map of nuclei per mm² over the slide",
    "overview": "the slide made small, its densest places coloured",
    "summary": "counts, means, resolution, model, versions",
}


@dataclass(frozen=True)
class Example:
    """An image or a slide of the demo.

    Attributes
    ----------
    file, truth : str
        Names of files among the samples; `truth` is a label image, "" where nobody annotated the nuclei.
    title, note : str
        What it is.
    quality : "fast" or "default"
        Of the segmentation.
    mpp : float, optional
        Resolution (um/px) where the file does not state it.
    """

    file: str
    title: str
    note: str
    quality: Quality
    mpp: float | None = None
    truth: str = ""

    @property
    def name(self) -> str:
        """Of the results."""
        return Path(self.file).stem


@dataclass(frozen=True)
class Outcome:
    """What came of an example.

    Attributes
    ----------
    example : Example
    segmentation : Segmentation
    truth : (h, w) int32, optional
        Label image of the annotated nuclei.
    scores : dict of str to float
        Empty without truth.
    files : dict of Path to str
        Files written, and what each holds.
    """

    example: Example
    segmentation: Segmentation
    truth: LabelImage | None
    scores: dict[str, float]
    files: dict[Path, str]


EXAMPLES = (
    Example(
        file="tnbc.png",
        title="A field of tissue: breast cancer, H&E",
        note="From the TNBC dataset (Naylor et al. 2019, CC BY 4.0), 40x. Pathologists outlined its nuclei, so the "
        "result can be scored. The model was not fitted to images of this patient; its thresholds were chosen with "
        "them. One image is an example: docs/accuracy.md has the scores over many.",
        quality="default",
        mpp=0.25,
        truth="tnbc-labels.png",
    ),
    Example(
        file="cmu-1.tif",
        title="A small slide, from file to density map",
        note="A piece of CMU-1 of the OpenSlide test data, H&E, 20x. nuseg finds the tissue, reads the slide tile by "
        "tile, and counts nuclei per mm² of tissue. Quality fast: the model for 0.5 µm/px.",
        quality="fast",
    ),
)


def run_example(example: Example, segment: Callable[..., Segmentation], folder: Path) -> Outcome:
    """Copy an example to `folder`, segment it, score it where its nuclei are annotated, and write the results there.

    Parameters
    ----------
    example : Example
    segment : function
        `nuseg.segment`, or one like it.
    folder : Path
        Is made if it does not exist.

    Raises
    ------
    NusegError
        The model is missing, or the folder cannot be written.
    """
    image = copied(example.file, folder / "images")
    written = {image: "the image or slide itself"}
    found = segment(image, example.mpp, quality=example.quality)
    outputs = OUTPUTS[found.info.kind]
    written |= {path: WHAT[output] for output, path in found.save(folder, outputs, name=example.name).items()}
    if not example.truth:
        return Outcome(example, found, None, {}, written)
    labels = copied(example.truth, folder / "truth")
    written[labels] = "label image of the nuclei that were annotated"
    truth = np.asarray(cv2.imread(str(labels), cv2.IMREAD_UNCHANGED), np.int32)
    return Outcome(example, found, truth, score_image(truth, found.labels), written)


def copied(name: str, folder: Path) -> Path:
    """Copy a sample into a folder, whole or not at all."""
    path = folder / name
    with atomic_path(path) as temporary:
        temporary.write_bytes((SAMPLES / name).read_bytes())
    return path


def outcome_panels(outcome: Outcome) -> list[Panel]:
    """An outcome as parts of the page: an image beside its numbers; a slide, and a piece of it."""
    return [image_panel(outcome)] if outcome.segmentation.info.kind == "image" else slide_panels(outcome)


def facts_of(found: Segmentation) -> dict[str, str]:
    """Numbers of a result, by what they are."""
    low, high = found.count_interval or (None, None)
    between = {} if low is None else {"expected between": f"{low:,}–{high:,}"}
    return {
        "nuclei": f"{len(found):,}",
        **between,
        f"nuclei per mm² of {found.info.density_area}": f"{found.nuclei_per_mm2:,.0f}",
        "share covered": f"{100 * found.mask_fraction:.1f} %",
        "size (px)": f"{found.info.width:,} × {found.info.height:,}",
        "µm per px": f"{found.mpp:g}",
    }


def image_panel(outcome: Outcome) -> Panel:
    """An image with its outlines, and those that were annotated."""
    example, found = outcome.example, outcome.segmentation
    pixels = found.image.pixels
    overlays = {"nuclei found": draw_outlines(pixels, found.labels)}
    scores = {}
    if outcome.truth is not None:
        overlays["annotated"] = draw_outlines(pixels, outcome.truth)
        scores = {"annotated nuclei": f"{outcome.truth.max():,}"}
        scores |= {title: f"{outcome.scores[key]:.3f}" for key, title in SHOWN_SCORES.items()}
    return Panel(
        title=example.title,
        note=example.note,
        pixels=pixels,
        overlays=overlays,
        facts=facts_of(found),
        scores=scores,
        areas_um2=found.nuclei["area_um2"].to_numpy(float),
    )


def slide_panels(outcome: Outcome) -> list[Panel]:
    """A slide made small, with its densities; and its densest piece, with its outlines."""
    example, found = outcome.example, outcome.segmentation
    coloured = draw_overview(found.overview)
    bare = coloured.copy()
    height, width = found.overview.thumbnail.shape[:2]
    left = (coloured.shape[1] - width) // 2
    bare[:height, left : left + width] = found.overview.thumbnail
    whole = Panel(
        title=example.title,
        note=example.note,
        pixels=bare,
        overlays={"nuclei per mm²": coloured},
        facts=facts_of(found),
        areas_um2=found.nuclei["area_um2"].to_numpy(float),
    )
    x, y, wide, high = densest_fields(found, 1, FIELD_PX)[0]
    pixels, labels = found.read_pixels(x, y, wide, high), found.read_labels(x, y, wide, high)
    nuclei = found.nuclei
    inside = nuclei["x_px"].between(x, x + wide) & nuclei["y_px"].between(y, y + high)
    piece = Panel(
        title="The densest piece of the slide",
        note=f"{wide} × {high} px at x {x:,}, y {y:,}, with the outline of every nucleus.",
        pixels=pixels,
        overlays={"nuclei found": draw_outlines(pixels, labels)},
        facts={"nuclei": f"{int(inside.sum()):,}", "µm wide": f"{wide * found.mpp:.0f}"},
        areas_um2=nuclei.loc[inside, "area_um2"].to_numpy(float),
    )
    return [whole, piece]


def write_demo_page(outcomes: list[Outcome], folder: Path) -> Path:
    """Write the page that shows all outcomes, with the attribution beside it, and return its path.

    Raises
    ------
    NusegError
        The folder cannot be written.
    """
    copied(ATTRIBUTION, folder)
    written: dict[str, list[str]] = {}
    for outcome in outcomes:
        for path, what in outcome.files.items():
            written.setdefault(what, []).append(path.relative_to(folder).as_posix())
    first = outcomes[0]
    image = folder / "images" / first.example.file
    mpp = "" if first.example.mpp is None else f" --mpp {first.example.mpp:g}"
    models = " and ".join(dict.fromkeys(f"“{outcome.segmentation.model_name}”" for outcome in outcomes))
    html = render_page(
        title="nuseg demo",
        lead=f"Nuclei found, counted and measured in real H&E by the models {models} that ship with nuseg, on this "
        "machine, with no network.",
        panels=[panel for outcome in outcomes for panel in outcome_panels(outcome)],
        written={", ".join(paths): what for what, paths in written.items()}
        | {ATTRIBUTION: "where the images come from, and their licences"},
        steps=[
            (
                "Segment your own images; give the resolution where the files do not state it. A page like this comes "
                "with the results:",
                "nuseg segment my-images/ -o results --mpp 0.25",
            ),
            ("Do again what this page shows:", f"nuseg segment {image} -o results{mpp}"),
            ("Score a model on images you annotated:", "nuseg prepare --help\nnuseg evaluate --help"),
            (
                "Use it in Python:",
                'import nuseg\nresult = nuseg.segment("image.png", mpp=0.25)\nresult.nuclei  # a DataFrame',
            ),
        ],
        closing="For research. Not a medical device. Scores run from 0 to 1: Dice compares the masks, AJI and PQ "
        "compare nucleus with nucleus.",
    )
    path = folder / PAGE
    write_page(html, path)
    return path
