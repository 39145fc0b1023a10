"""Every kind of file that nuseg reads: a sound one, what is changed in it, and the door it goes through."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from fuzz import doors, samples, slides
from fuzz.samples import INPUT, OUTPUT, Make
from fuzz.worker import Door
from hard_files import HARD_FILES
from nuseg.annotations.raster import ANNOTATION_SUFFIXES
from nuseg.annotations.registry import annotation_formats
from nuseg.model.store import CONFIG_FILE, sha256
from picture_files import FILES


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes
    ----------
    make : function
        Writes a sound one.
    door : function
        What a user does with it.
    slow : function, optional
        More that a user does with it, for one of `SLOW_EVERY` inputs.
    changed : str
        Which files are changed, as a pattern below the folder of the input.
    inputs : int
        How many are tried in every run of the tests; longer runs keep the shares.
    reads : bool
        Whether nuseg reads a sound one; what it does not read is refused.
    lists : bool
        Whether a message may be a list of problems, one a line.
    mend : function, optional
        Makes what belongs to the changed file fit again, in half of the inputs.
    """

    make: Make
    door: Door
    slow: Door | None = None
    changed: str = f"{INPUT}/*"
    inputs: int = 16
    reads: bool = True
    lists: bool = False
    mend: Callable[[Path], None] | None = None

    def chosen(self, number: int) -> Door:
        """The door of an input."""
        return self.slow if self.slow is not None and number % SLOW_EVERY == SLOW_EVERY - 1 else self.door


SLOW_EVERY = 8


def correct_checksums(folder: Path) -> None:
    """Let `model.json` name the checksums of the files beside it, as somebody would who changed them on purpose."""
    path = folder / INPUT / CONFIG_FILE
    try:
        tree = json.loads(path.read_text())
        tree["files"] = {name: sha256(path.parent / name) for name in tree["files"]}
        path.write_text(json.dumps(tree))
    except (ValueError, TypeError, KeyError, AttributeError, OSError, RecursionError):
        return  # it was `model.json` that was changed


def _image(make: Make, **options: object) -> Kind:
    return Kind(make, doors.look, doors.segment, **options)


def _annotation(name: str, write: Callable[[Path, np.ndarray], object], door: Door = doors.annotation) -> Kind:
    changed = f"{INPUT}/labels/{samples.NAMES[0]}" + (name or "/*")
    return Kind(samples.annotation(name, write), door, doors.prepare, changed, lists=True)


def _registered() -> dict[str, Kind]:
    """Annotations of every registered format that is no picture and can be written, in each of its suffixes."""
    kinds = {}
    for format in annotation_formats.values():
        for suffix in format.suffixes:
            if suffix not in ANNOTATION_SUFFIXES or format.name == "cellpose":
                name, door = format.file_name("", suffix), partial(doors.as_format, format.name)
                write = samples.write_points if format.name == "points" else samples.write_as(format.name)
                kinds[f"annotation {format.name} {suffix}"] = _annotation(name, write, door)
    return kinds


IMAGES = {
    "PNG": samples.image("a.png", samples.pillow(dpi=(300, 300))),
    "PNG, 16 bits": samples.image("a.png", samples.deep_png),
    "PNG, palette": samples.image("a.png", samples.pillow("P", transparency=3)),
    "JPEG": samples.image("a.jpg", samples.pillow(dpi=(300, 300))),
    "JPEG, progressive": samples.image("a.jpg", samples.pillow(progressive=True)),
    "BMP": samples.image("a.bmp", samples.pillow()),
}
KINDS: dict[str, Kind] = {
    **{name: _image(make, inputs=32) for name, make in IMAGES.items()},
    **{
        name: _image(samples.in_folder(lambda folder, write=write: write(folder, slides.scene(96, 128))), inputs=24)
        for name, write in FILES.items()
        if name != "png"
    },
    **{
        f"TIFF, {name}": _image(samples.image(HARD_FILES[name].name, HARD_FILES[name].write), inputs=12)
        for name in (
            "16 bits",
            "floats to 255",
            "orientation 6",
            "WebP",
            "JPEG 2000",
            "JPEG XL",
            "decimal comma",
            "two series",
        )
    },
    "JPEG, Exif": _image(samples.image("a.jpg", HARD_FILES["Exif"].write)),
    "Leica": _image(samples.in_folder(slides.leica)),
    "Philips": _image(samples.in_folder(slides.philips)),
    "Trestle": _image(samples.in_folder(slides.trestle)),
    "Ventana": _image(samples.in_folder(slides.ventana)),
    "Hamamatsu NDPI": _image(samples.in_folder(slides.hamamatsu_ndpi)),
    "Hamamatsu VMS": _image(samples.in_folder(slides.hamamatsu_vms)),
    "MIRAX": _image(samples.in_folder(slides.mirax), changed=f"{INPUT}/**/*", reads=False),
    "DICOM": _image(samples.in_folder(slides.dicom), reads=False),
    "WebP": _image(samples.image("a.webp", samples.pillow()), inputs=4, reads=False),
    "GIF": _image(samples.image("a.gif", samples.pillow()), inputs=4, reads=False),
    "label PNG": _annotation(".png", samples.write_as("labels")),
    "label PNG, indexed": _annotation(".png", samples.as_indexed),
    "label TIFF": _annotation(".tif", samples.write_as("labels")),
    "label TIFF, pages": _annotation(".tif", samples.as_pages),
    "label NumPy": _annotation(".npy", samples.save_array),
    "mask PNG": _annotation(".png", samples.as_mask),
    "mask BMP": _annotation(".bmp", samples.as_mask),
    "mask JPEG": _annotation(".jpg", samples.as_mask),
    "mask folder": _annotation("", samples.write_as("folders")),
    "annotation classes .png": _annotation(".png", samples.as_classes, partial(doors.as_format, "classes")),
    "annotation inverted .png": _annotation(".png", samples.as_dark_mask, partial(doors.as_format, "inverted")),
    **_registered(),
    "annotation pannuke .npy": Kind(
        samples.pannuke, partial(doors.as_format, "pannuke"), doors.convert, f"{INPUT}/*.npy", lists=True
    ),
    "annotation nuseg results": Kind(
        samples.results, partial(doors.as_format, "nuseg"), doors.convert, changed=f"{INPUT}/results/*/*", lists=True
    ),
    "annotation nuseg summary": Kind(
        samples.results, partial(doors.as_format, "nuseg"), doors.convert, changed=f"{INPUT}/results/*.csv", lists=True
    ),
    "annotation corrections": Kind(
        samples.corrections,
        partial(doors.as_format, "corrections"),
        doors.convert,
        changed=f"{INPUT}/results/corrections/*",
        lists=True,
    ),
    "annotation yolo classes": Kind(
        samples.yolo_folder, doors.convert_with_images, changed=f"{INPUT}/labels/data.yaml", lists=True
    ),
    "zip of annotations": Kind(samples.zipped, doors.convert, lists=True),
    "region": Kind(samples.region, doors.region, doors.segment_region, inputs=60),
    "region, compressed": Kind(samples.region_gz, doors.region, doors.segment_region),
    "dataset": Kind(samples.dataset, doors.dataset, changed=f"{INPUT}/dataset.json", inputs=60),
    "dataset, files": Kind(samples.dataset, doors.dataset, changed=f"{INPUT}/*/*"),
    "table of images": Kind(samples.table, doors.table, changed=f"{INPUT}/*.csv", lists=True),
    "labels to compare": Kind(samples.predictions, doors.evaluate, changed=f"{INPUT}/found/*/*", inputs=6),
    "scores to compare": Kind(samples.scored, doors.compare, changed=f"{INPUT}/**/*", inputs=12),
    "classifier": Kind(samples.classifier, doors.classify, changed=f"{INPUT}/classifier.json", inputs=24),
    "examples": Kind(samples.examples, doors.learn, changed=f"{INPUT}/marked/*", inputs=12),
    "results to classify": Kind(
        samples.results_to_classify, doors.classify_results, changed=f"{INPUT}/results/**/*", inputs=16
    ),
    "model": Kind(samples.model, doors.model, changed=f"{INPUT}/*.json", inputs=60),
    "model, graph": Kind(samples.model, doors.model, changed=f"{INPUT}/*.onnx", mend=correct_checksums),
    "model, weights": Kind(samples.weights, doors.weights, changed=f"{INPUT}/*.pt", mend=correct_checksums),
    "configuration": Kind(samples.config, doors.config, inputs=60),
    "run": Kind(samples.run, doors.resume, changed=f"{OUTPUT}/run/**/*", inputs=4),  # what it loads takes long
    "summary": Kind(samples.earlier_results, doors.again, changed=f"{OUTPUT}/summary.csv", inputs=24),
    "records": Kind(samples.earlier_results, doors.again, changed=f"{OUTPUT}/.nuseg/images/*.json", inputs=12),
    "claims": Kind(samples.claimed, doors.again, changed=f"{OUTPUT}/.nuseg/running/*.json", inputs=12),
    **{
        f"public {name}": Kind(
            samples.public(name), partial(doors.prepare_public, name), changed=files, inputs=4, lists=True
        )
        for name, files in samples.PUBLIC.items()
    },
    "unfinished slide": Kind(samples.unfinished, doors.go_on, changed=f"{OUTPUT}/*.partial/*", inputs=16),
}
