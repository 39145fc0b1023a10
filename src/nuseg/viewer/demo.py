"""What `nuseg demo` does: two images, their nuclei, one page."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from skimage.data import immunohistochemistry

from nuseg.datasets.synthetic import synthetic_field
from nuseg.evaluation.report import score_image
from nuseg.io.image import Image, write_png
from nuseg.plot.outlines import draw_outlines
from nuseg.report.page import write_page
from nuseg.results.formats import labels as label_tiff
from nuseg.results.segmentation import Segmentation
from nuseg.types import RGB, LabelImage
from nuseg.viewer.page import Panel, render_page

PAGE = "index.html"
TISSUE_MPP = 0.5
FIELD_MPP, FIELD_SIZE, FIELD_SEED, FIELD_DENSITY = 0.25, 512, 5, 6000.0
SHOWN_SCORES = {"dice": "Dice", "aji": "AJI", "pq": "PQ", "f1": "F1 at IoU 0.5"}
WHAT = {
    "mask": "nuclei mask, 0 and 255",
    "labels": "label image: 0 background, 1..N nuclei",
    "geojson": "outlines: drag onto the image in QuPath",
    "csv": "one row per nucleus: place, size, form, stain, probability",
    "overlay": "the image with outlines",
}


@dataclass(frozen=True)
class Example:
    """An image of the demo; `truth` is its label image `(h, w)` where that is known."""

    name: str
    title: str
    note: str
    pixels: RGB
    mpp: float
    truth: LabelImage | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of an example; `scores` is empty where there is no truth, `files` says what each file holds."""

    example: Example
    segmentation: Segmentation
    scores: dict[str, float]
    files: dict[Path, str]


def examples() -> list[Example]:
    """The demo's images: real tissue from scikit-image's own files, and a generated field."""
    pixels, truth = synthetic_field(FIELD_SIZE, FIELD_SIZE, FIELD_SEED, FIELD_MPP, FIELD_DENSITY)
    return [
        Example(
            name="tissue",
            title="Real tissue: colon, immunohistochemistry",
            note="Glands of the colon, from scikit-image. Not H&E: the nuclei are blue with haematoxylin, but the "
            "brown is DAB, which marks a protein, and hides nuclei. nuseg is made for H&E, so take this as a hard "
            f"case. The file states no resolution; {TISSUE_MPP:g} µm/px (20x) is assumed from the size of its nuclei.",
            pixels=immunohistochemistry(),
            mpp=TISSUE_MPP,
        ),
        Example(
            name="generated",
            title="Generated H&E field, nuclei known",
            note="Drawn by nuseg with a model of the two dyes, with touching and overlapping nuclei. Its truth is "
            "exact, so the result can be scored; it is no measure of how nuseg does on real slides.",
            pixels=pixels,
            mpp=FIELD_MPP,
            truth=truth,
        ),
    ]


def run_example(example: Example, segment: Callable[[Image], Segmentation], folder: Path) -> Outcome:
    """Segment an example, score it where its truth is known, and write image and results under `folder`.

    Raises
    ------
    NusegError
        The model is missing, or the folder cannot be written.
    """
    image_file = folder / "images" / f"{example.name}.png"
    write_png(image_file, example.pixels)
    files = {image_file: "the image itself"}
    found = segment(Image(example.pixels, example.mpp, "stated by nuseg demo", image_file))
    files |= {path: WHAT[output] for output, path in found.save(folder, tuple(WHAT), name=example.name).items()}
    if example.truth is None:
        return Outcome(example, found, {}, files)
    truth_file = folder / "truth" / f"{example.name}.tiff"
    label_tiff.write(example.truth, example.mpp, truth_file)
    files[truth_file] = "label image of the true nuclei"
    return Outcome(example, found, score_image(example.truth, found.labels), files)


def outcome_panel(outcome: Outcome) -> Panel:
    """An outcome as a part of the page."""
    example, found = outcome.example, outcome.segmentation
    height, width = found.labels.shape
    overlays = {"nuclei found": draw_outlines(example.pixels, found.labels)}
    facts = {"nuclei": f"{len(found.nuclei):,}", "nuclei per mm²": f"{found.nuclei_per_mm2:,.0f}"}
    scores = {}
    if example.truth is not None:
        overlays["truth"] = draw_outlines(example.pixels, example.truth)
        scores = {"true nuclei": f"{example.truth.max():,}"}
        scores |= {title: f"{outcome.scores[key]:.3f}" for key, title in SHOWN_SCORES.items()}
    facts |= {
        "share covered": f"{100 * found.mask_fraction:.1f} %",
        "size (px)": f"{width} × {height}",
        "µm per px": f"{found.mpp:g}",
    }
    return Panel(
        title=example.title,
        note=example.note,
        pixels=example.pixels,
        overlays=overlays,
        facts=facts,
        scores=scores,
        areas_um2=found.nuclei["area_um2"].to_numpy(float),
    )


def write_demo_page(outcomes: list[Outcome], folder: Path) -> Path:
    """Write the page that shows all outcomes, and return its path.

    Raises
    ------
    NusegError
        The folder cannot be written.
    """
    written: dict[str, list[str]] = {}
    for outcome in outcomes:
        for path, what in outcome.files.items():
            written.setdefault(what, []).append(path.relative_to(folder).as_posix())
    image = folder / "images" / f"{outcomes[-1].example.name}.png"
    model = outcomes[0].segmentation.model_name
    html = render_page(
        title="nuseg demo",
        lead=f"Nuclei found, counted and measured in {len(outcomes)} images by the model “{model}” that ships with "
        "nuseg, on this machine, with no network.",
        panels=[outcome_panel(outcome) for outcome in outcomes],
        written={", ".join(paths): what for what, paths in written.items()},
        steps=[
            (
                "Segment your own images; give the resolution where the files do not state it:",
                "nuseg segment my-images/ -o results --mpp 0.25",
            ),
            ("Do again what this page shows:", f"nuseg segment {image} -o results --mpp {outcomes[-1].example.mpp:g}"),
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
