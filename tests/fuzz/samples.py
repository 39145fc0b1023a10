"""Sound files of all other kinds: each function writes to an empty folder, and gives what a user would name."""

import gzip
import json
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from unittest import mock

import numpy as np
import PIL.Image
import shapely
import tifffile
import yaml

from annotated import field, write_source
from dark_model import save_dark_model
from marked import segmented, write_marks
from nuseg.annotations.annotation import Annotation, Canvas
from nuseg.annotations.corrections.base import base_of
from nuseg.annotations.corrections.entries import Header
from nuseg.annotations.corrections.journal import journal_path
from nuseg.annotations.formats.results import summary_rows
from nuseg.annotations.registry import annotation_formats
from nuseg.datasets.prepare import PrepareSettings, prepare
from nuseg.errors import NusegError
from nuseg.io.image import write_png
from nuseg.results.records import MARKER
from nuseg.segmentation.claims import Claim, machine, size_and_time
from public_trees import TREES
from slide_files import save_pyramid, scene

Make = Callable[[Path], Path]
INPUT, OUTPUT = "in", "out"  # folders of an input: what was given, and what nuseg may write to
NAMES = ("a", "b", "c")
MPP = 0.25


def image(name: str, write: Callable[[Path, np.ndarray], object]) -> Make:
    """An image or slide that a function writes."""

    def make(folder: Path) -> Path:
        path = folder / INPUT / name
        path.parent.mkdir()
        write(path, scene(96, 128))
        return path

    return make


def in_folder(write: Callable[[Path], Path]) -> Make:
    """A slide that a function writes to a folder."""

    def make(folder: Path) -> Path:
        (folder / INPUT).mkdir()
        return write(folder / INPUT)

    return make


def pillow(mode: str = "RGB", **options: object) -> Callable[[Path, np.ndarray], object]:
    """A file that Pillow writes, in one of its modes."""
    return lambda path, pixels: PIL.Image.fromarray(pixels).convert(mode).save(path, **options)


def deep_png(path: Path, pixels: np.ndarray) -> None:
    """A grey PNG of 16 bits."""
    PIL.Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(path)


def annotation(name: str, write: Callable[[Path, np.ndarray], object]) -> Make:
    """Three images and their annotations; a function writes one from its label image."""

    def make(folder: Path) -> Path:
        source = write_source(folder / INPUT, list(NAMES))
        for seed, stem in enumerate(NAMES):
            (source / "labels" / f"{stem}.tif").unlink()
            write(source / "labels" / f"{stem}{name}", field(seed)[1])
        return source / "labels" / f"{NAMES[0]}{name}"

    return make


def write_points(path: Path, labels: np.ndarray) -> None:
    """Write the middle of each nucleus as a table."""
    mark = "\t" if path.suffix == ".tsv" else ","
    places = [np.argwhere(labels == number).mean(axis=0) for number in range(1, int(labels.max()) + 1)]
    rows = [("y", "x", "class"), *((f"{y:.1f}", f"{x:.1f}", "1") for y, x in places)]
    path.write_text("".join(mark.join(row) + "\n" for row in rows))


def write_as(format: str) -> Callable[[Path, np.ndarray], object]:
    """Write annotations in a registered format; one nucleus where a file holds no more."""

    def write(path: Path, labels: np.ndarray) -> None:
        kind, stem = annotation_formats[format], path.name[0]  # one of `NAMES`
        canvas = Canvas(f"{stem}.png", labels.shape, MPP)
        whole, one = (Annotation(part.astype(np.int32), canvas=canvas) for part in (labels, labels == 1))
        try:
            kind.write(whole, path)
        except NusegError:
            if kind.many_written:
                kind.write_images([whole], path.with_suffix(""))
                next(path.with_suffix("").rglob(f"{stem}{path.suffix}")).rename(path)
                shutil.rmtree(path.with_suffix(""))
            else:
                kind.write(one, path)

    return write


def pannuke(folder: Path) -> Path:
    """Three images and their nuclei as arrays."""
    source = write_source(folder / "source", list(NAMES))
    nuclei = []
    for seed, name in enumerate(NAMES):
        labels = field(seed)[1]
        canvas = Canvas(f"{name}.png", labels.shape, MPP, source / "images" / f"{name}.png")
        nuclei.append(Annotation(labels, classes=("Neoplastic", "Dead", "Dead"), canvas=canvas))
    annotation_formats["pannuke"].write_images(nuclei, folder / INPUT)
    shutil.rmtree(source)
    return folder / INPUT / "masks.npy"


def results(folder: Path) -> Path:
    """Results of three images: outlines of one, others of the next, and a label image of the last."""
    made = earlier_results(folder, ["geojson", "geoparquet", "labels"]).parent.rename(folder / INPUT / "results")
    (made / "geoparquet" / "a.parquet").unlink()
    for place in ("geoparquet/c.parquet", "geojson/c.geojson"):
        (made / place).unlink()
    shutil.rmtree(made / ".nuseg")
    return made


def corrections(folder: Path) -> Path:
    """Results of three images, of which each was corrected in every way."""
    made = results(folder)
    for name in NAMES:
        nuclei = int(summary_rows(made)[name]["nuclei"])
        header = Header(image=name, base=base_of(made, name, nuclei))
        boxes = [shapely.box(x, 5, x + 8, 15) for x in (5, 25, 45)]
        first, second, third = (shapely.get_coordinates(box).tolist()[:-1] for box in boxes)
        entries = [
            {"action": "delete", "nuclei": [0]},
            {"action": "draw", "id": "a1", "polygon": first, "class": "tumour"},
            {"action": "redraw", "nucleus": 1, "polygon": second},
            {"action": "split", "nucleus": 1, "polygon": second, "parts": [{"id": "a2", "polygon": third}]},
            {"action": "merge", "nucleus": "a1", "nuclei": ["a2"], "polygon": first},
            {"action": "accept", "nuclei": ["a1"]},
            {"action": "reject", "nuclei": [1]},
            {"action": "class", "nuclei": [1], "class": None},
            {"action": "finish", "id": "r1", "polygon": third, "name": "Region 1"},
            {"action": "undo"},
            {"action": "redo"},
        ]
        lines = [header.model_dump_json(), *(json.dumps({"v": v, **one}) for v, one in enumerate(entries, 1))]
        path = journal_path(made, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines))
    return made / "corrections"


def yolo_folder(folder: Path) -> Path:
    """A text of one image, and the file beside it that names the classes."""
    path = annotation(".txt", write_as("yolo"))(folder)
    about = {"path": ".", "train": "images", "val": "images", "names": {0: "nucleus", 1: "tumour"}}
    (path.parent / "data.yaml").write_text(yaml.safe_dump(about))
    return path


def zipped(folder: Path) -> Path:
    """An archive of what was drawn on three images, in folders."""
    path = annotation(".geojson", write_as("geojson"))(folder)
    with zipfile.ZipFile(folder / INPUT / "drawn.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path.parent.iterdir()):
            archive.write(file, f"drawn/{file.name}")
    for place in ("images", "labels"):
        shutil.rmtree(folder / INPUT / place)
    return folder / INPUT / "drawn.zip"


PUBLIC = {  # what is changed of each public dataset, as a pattern
    "monuseg": f"{INPUT}/**/*.xml",
    "consep": f"{INPUT}/**/*.mat",
    "lizard": f"{INPUT}/**/*.*",
    "dsb2018": f"{INPUT}/**/*.csv",
    "nucls": f"{INPUT}/**/*.csv",
    "puma": f"{INPUT}/**/*.*",
}


def public(name: str) -> Make:
    """A public dataset as its authors distribute it."""

    def make(folder: Path) -> Path:
        (folder / INPUT).mkdir()
        TREES[name](folder / INPUT)
        return folder / INPUT

    return make


def save_array(path: Path, labels: np.ndarray) -> None:
    np.save(path, labels)


def as_mask(path: Path, labels: np.ndarray) -> None:
    PIL.Image.fromarray((labels > 0).astype(np.uint8) * 255).save(path)


def as_classes(path: Path, labels: np.ndarray) -> None:
    """A class for every nucleus, counted from 1."""
    PIL.Image.fromarray(labels.astype(np.uint8)).save(path)


def as_dark_mask(path: Path, labels: np.ndarray) -> None:
    """Dark nuclei on bright ground."""
    as_mask(path, labels == 0)


def as_indexed(path: Path, labels: np.ndarray) -> None:
    """A PNG with a colour table."""
    picture = PIL.Image.fromarray(labels.astype(np.uint8))
    picture.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0, 0, 0, 200])
    picture.save(path)


def as_pages(path: Path, labels: np.ndarray) -> None:
    """A TIFF with a page for each nucleus."""
    pages = [(labels == number).astype(np.uint8) * 255 for number in range(1, labels.max() + 1)]
    tifffile.imwrite(path, np.stack(pages), photometric="minisblack")


def region(folder: Path) -> Path:
    """Areas drawn in QuPath: two polygons, one with a hole, and a collection."""
    ring = [[10.0, 10.0], [90.0, 12.0], [88.0, 80.0], [10.0, 10.0]]
    hole = [[30.0, 20.0], [40.0, 22.0], [38.0, 30.0], [30.0, 20.0]]
    shapes = [
        {"type": "Polygon", "coordinates": [ring, hole]},
        {"type": "MultiPolygon", "coordinates": [[ring], [hole]]},
        {"type": "GeometryCollection", "geometries": [{"type": "Polygon", "coordinates": [ring]}]},
    ]
    about = {"objectType": "annotation", "classification": {"name": "Tumor", "color": [200, 0, 0]}}
    features = [
        {"type": "Feature", "id": str(n), "geometry": shape, "properties": about} for n, shape in enumerate(shapes)
    ]
    path = folder / INPUT / "area.geojson"
    path.parent.mkdir()
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def region_gz(folder: Path) -> Path:
    plain = region(folder)
    path = plain.with_name("area.geojson.gz")
    path.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
    plain.unlink()
    return path


def dataset(folder: Path) -> Path:
    """A dataset of three images, one in each split."""
    write_source(folder / "source", list(NAMES))
    settings = PrepareSettings(mpp=MPP, split=(0.34, 0.33, 0.33), name="tiny")
    return prepare(folder / "source", folder / INPUT, settings).dataset.root


def table(folder: Path) -> Path:
    """Three annotated images, and a table that says what is known of them."""
    write_source(folder / INPUT, list(NAMES))
    path = folder / INPUT / "about.csv"
    splits = ("train", "validation", "test")
    rows = [f"{name},patient {name},{split},{MPP}" for name, split in zip(NAMES, splits, strict=True)]
    path.write_text("\n".join(["name,patient,split,mpp", *rows]) + "\n")
    return path


def predictions(folder: Path) -> Path:
    """Label images of two folders, to compare, as results and as masks."""
    for seed, name in enumerate(NAMES):
        labels = field(seed)[1]
        for place in ("truth", "found"):
            (folder / INPUT / place / "labels").mkdir(parents=True, exist_ok=True)
            path = folder / INPUT / place / "labels" / f"{name}.tiff"
            tifffile.imwrite(path, labels.astype(np.int32), compression="zlib")
    return folder / INPUT


def scored(folder: Path) -> Path:
    """Scores of two models on the same images, as `nuseg evaluate` leaves them, and a table of patients."""
    for number, place in enumerate(("a", "b")):
        (folder / INPUT / place).mkdir(parents=True, exist_ok=True)
        rows = [f"image{row},p{row // 2},{0.5 + 0.03 * row + 0.01 * number},{20 + row}," for row in range(8)]
        table = "\n".join(["name,group,aji,true_count,seen", *rows]) + "\n"
        (folder / INPUT / place / "per_image.csv").write_text(table)
        (folder / INPUT / place / "scores.json").write_text(json.dumps({"fingerprint": "f", "images": 8}))
    rows = [f"image{row},slide {row // 2},liver" for row in range(8)]
    (folder / INPUT / "about.csv").write_text("\n".join(["name,slide,organ", *rows]) + "\n")
    return folder / INPUT


def model(folder: Path) -> Path:
    """A model that needs no training."""
    return save_dark_model(folder / INPUT).path


def weights(folder: Path) -> Path:
    """A model with weights of PyTorch, random ones of a small network."""
    import torch

    from nuseg.model.config import Architecture, ModelConfig
    from nuseg.model.network import build_network
    from nuseg.model.store import WEIGHTS_FILE, save_config

    torch.manual_seed(0)
    network = build_network(Architecture(preset="unet-small"))
    (folder / INPUT).mkdir()
    torch.save({name: value.half() for name, value in network.state_dict().items()}, folder / INPUT / WEIGHTS_FILE)
    about = {"mpp": MPP, "margin": network.margin, "stride": network.stride}
    save_config(ModelConfig(name="small", architecture=Architecture(preset="unet-small"), **about), folder / INPUT)
    return folder / INPUT


def config(folder: Path) -> Path:
    """A configuration with every key."""
    from nuseg.training.config import TrainConfig, render_config

    path = folder / INPUT / "config.yaml"
    path.parent.mkdir()
    path.write_text(render_config(TrainConfig()))
    return path


def run(folder: Path) -> Path:
    """The folder of a training that was interrupted after its epochs, and its dataset."""
    from nuseg.training import fit
    from nuseg.training.config import Compute, Data, Network, Optimiser, TrainConfig

    settings = TrainConfig(
        network=Network(preset="unet-small", pretrained=False, heads=("mask", "distance")),
        data=Data(window=32, batch=1, workers=0),
        optimiser=Optimiser(epochs=1, steps=1),
        compute=Compute(accelerator="cpu", precision="32-true"),
    )
    dataset(folder)
    with mock.patch.object(fit, "finish"):
        fit.train([folder / INPUT], folder / OUTPUT / "run", settings, progress=False)
    shutil.rmtree(folder / OUTPUT / "run" / "tensorboard")  # nuseg does not read it
    return folder / OUTPUT / "run"


def earlier_results(folder: Path, outputs: Sequence[str] = ("mask",)) -> Path:
    """Images with results of an earlier run."""
    from nuseg.segmentation.folder import segment_folder

    for seed, name in enumerate(NAMES):
        write_png(folder / INPUT / f"{name}.png", field(seed)[0])
    save_dark_model(folder / "model")
    segment_folder(folder / INPUT, folder / OUTPUT, list(outputs), mpp=MPP, model=folder / "model", threads=1)
    return folder / OUTPUT / "summary.csv"


def claimed(folder: Path) -> Path:
    """Images of which one has no result: a process that is no more worked at it."""
    path = earlier_results(folder)
    image, claims = folder / INPUT / "a.png", path.parent / MARKER / "running"
    (path.parent / MARKER / "images" / "a.json").unlink()
    claims.mkdir(exist_ok=True)
    claim = Claim(str(image), *size_and_time(image), machine(), 2**22 + 1)
    (claims / "a.json").write_text(json.dumps(asdict(claim)))
    return path


def unfinished(folder: Path) -> Path:
    """A slide, and what is kept of it while it is segmented."""
    from fuzz.doors import dark

    (folder / INPUT).mkdir()
    slide = save_pyramid(folder / INPUT / "scan.tif", scene(192, 256))
    result = dark()(slide, checkpoint=folder / OUTPUT / "scan.partial")
    result.source.close()  # not the result, which would remove what is kept
    return slide


def results_to_classify(folder: Path) -> Path:
    """Results of three small images, and a classifier for them that was learned from marks on two."""
    from nuseg.classification import learn
    from nuseg.classification.run import classify

    (folder / INPUT).mkdir()
    segmented(folder / INPUT, ["csv", "geojson", "geoparquet", "summary"])
    write_marks(folder / INPUT / "marked")
    with mock.patch.object(learn, "TREES", 3):
        classify(folder / INPUT / "results", folder / "learned", examples=folder / INPUT / "marked", pixels=False)
    (folder / "learned" / "classifier.json").rename(folder / INPUT / "classifier.json")
    shutil.rmtree(folder / "learned")
    return folder / INPUT / "results"


def classifier(folder: Path) -> Path:
    """A classifier, and results to use it on."""
    return results_to_classify(folder).with_name("classifier.json")


def examples(folder: Path) -> Path:
    """Marked nuclei of two images, and the results that they are of."""
    return results_to_classify(folder).with_name("marked")
