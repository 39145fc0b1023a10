"""What users do with files: each function takes what they name, and writes to the folder `out` where it is at all."""

from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np

from dark_model import CONFIG, dark_network
from fuzz.samples import INPUT, MPP, OUTPUT
from nuseg.errors import NusegError

if TYPE_CHECKING:
    from nuseg.annotations.format import AnnotationFormat

SHAPE = (48, 56)  # of annotated images
PART = 64


def out() -> Path:
    """The folder that may be written to."""
    return Path.cwd() / OUTPUT


def dark():
    """A segmenter whose network is a function."""
    from nuseg.model.store import Model
    from nuseg.segmentation.segmenter import Segmenter

    return Segmenter(Model(CONFIG, Path("dark")), dark_network, threads=1)


def look(path: Path) -> None:
    """`nuseg info`, and reading here and there on every level, and all of it."""
    from nuseg.cli.commands.info import describe
    from nuseg.io.opening import is_slide, open_source, read_image

    is_slide(path)
    with open_source(path) as source:
        describe(source, None, MPP)
        for number, level in enumerate(source.levels):
            for x, y in ((0, 0), (level.width - PART // 2, level.height - PART // 2), (level.width // 2, 0)):
                source.read(number, x, y, PART, PART)
        source.overview(256)
    read_image(path)


def segment(path: Path) -> None:
    """`nuseg segment` with all usual outputs."""
    with dark()(path) as result:
        result.save(out())


def annotation(path: Path) -> None:
    """Recognise an annotation, and draw it."""
    from nuseg.annotations.registry import format_of

    draw(format_of(path), path)


def as_format(name: str, path: Path) -> None:
    """Ask all formats whether an annotation is theirs, and draw it as one of them."""
    from nuseg.annotations.registry import annotation_formats, recognise

    recognise(path)
    draw(annotation_formats[name], path)


def draw(kind: "AnnotationFormat", path: Path) -> None:
    """Draw all images of a file."""
    from nuseg.annotations.annotation import Canvas

    for name in kind.images(path) or [path.stem]:
        found = kind.load(path, name, SHAPE, Canvas(mpp=MPP))
        if found.points is None:
            found.label_image(found.shape or SHAPE)
        kind.load_pixels(path, name)


def convert(path: Path, **options: object) -> None:
    """`nuseg convert`."""
    from nuseg.datasets.conversion import ConvertOptions, convert_annotations

    done = convert_annotations([path], out() / "converted", "geojson", ConvertOptions(**options))
    if done.failed:
        raise NusegError(done.failed[0].text)


def convert_with_images(path: Path) -> None:
    """`nuseg convert --images`."""
    convert(path, images=Path.cwd() / INPUT / "images")


def prepare_public(name: str, path: Path) -> None:
    """`nuseg prepare` of a public dataset."""
    from nuseg.datasets.public.prepare_public import prepare_public as make

    make(name, out(), path)


def prepare(path: Path) -> None:
    """`nuseg prepare` of the images and annotations among which a file is."""
    from nuseg.datasets.prepare import PrepareSettings
    from nuseg.datasets.prepare import prepare as make

    make(Path.cwd() / INPUT, out(), PrepareSettings(mpp=MPP))


def table(path: Path) -> None:
    """`nuseg prepare` with a table of groups, splits and resolutions."""
    from nuseg.datasets.prepare import PrepareSettings
    from nuseg.datasets.prepare import prepare as make

    columns = {"group_column": "patient", "split_column": "split", "mpp_column": "mpp"}
    make(path.parent, out(), PrepareSettings(table=path, **columns))


def region(path: Path) -> None:
    """`--region`: read areas, draw them and ask what lies inside."""
    from nuseg.segmentation.region import read_region

    found = read_region(str(path))
    found.draw(SHAPE, 2.0)
    found.contains(np.array([5.0, 50.0]), np.array([5.0, 40.0]))
    found.corners()


def segment_region(path: Path) -> None:
    """Segment an image in the areas of a file."""
    from nuseg.segmentation.plan import SegmentOptions
    from nuseg.segmentation.region import read_region

    pixels = np.full((100, 120, 3), 255, np.uint8)
    pixels[40:50, 30:40] = 20
    with dark()(pixels, options=SegmentOptions(MPP, read_region(str(path)))) as result:
        result.save(out())


def dataset(path: Path) -> None:
    """Open a dataset and read all its images, as a training does."""
    from nuseg.datasets.dataset import Dataset, load_item

    for item in Dataset.load(path).items:
        load_item(item)


def evaluate(path: Path) -> None:
    """`nuseg evaluate`: compare label images of two folders, and write what was found."""
    from nuseg.evaluation.dataset import evaluate_dataset

    failed: list[str] = []
    evaluate_dataset(path / "truth", path / "found", failed=failed.append).save(out())
    if failed:
        raise NusegError(failed[0])


def compare(path: Path) -> None:
    """`nuseg compare` of two folders of scores, and the files that it writes."""
    from nuseg.evaluation.compare import compare as compare_scores

    compare_scores([path / "a", path / "b"], table=path / "about.csv").save(out())


def model(path: Path) -> None:
    """Load a model and segment an image with it."""
    from nuseg.segmentation.segmenter import Segmenter

    pixels = np.full((*SHAPE, 3), 255, np.uint8)
    pixels[10:20, 10:20] = 0
    with Segmenter.load(path, "cpu", 1)(pixels, MPP) as result:
        result.save(out())


def weights(path: Path) -> None:
    """Load a model to train it on."""
    from nuseg.model.export import load_network
    from nuseg.model.store import load_model

    load_network(load_model(path))


def config(path: Path) -> None:
    """Read the configuration of a training, and write it as a run keeps it."""
    from nuseg.training.config import load_config, render_config

    render_config(load_config(path))


def resume(path: Path) -> None:
    """`nuseg train --resume`, without the export at the end, which reads nothing more."""
    from nuseg.training import fit
    from nuseg.training.config import load_config
    from nuseg.training.run_folder import CONFIG_FILE

    settings = load_config(path / CONFIG_FILE)
    with mock.patch.object(fit, "finish"):
        fit.train([Path.cwd() / INPUT], path, settings, resume=True, progress=False)


def again(path: Path) -> None:
    """`nuseg segment` into a folder with results of an earlier run."""
    from nuseg.segmentation import claims
    from nuseg.segmentation.folder import segment_folder

    claims.SILENT = 1.0  # where a claim names another machine, that is waited for
    root = Path.cwd()
    result = segment_folder(root / INPUT, path.parent, ["mask"], mpp=MPP, model=root / "model", device="cpu", threads=1)
    if result.failed:
        raise NusegError(result.failed[0].error)


def go_on(path: Path) -> None:
    """Go on with a slide of which some is done."""
    with dark()(path, checkpoint=out() / "scan.partial") as result:
        result.save(out(), ["csv", "geojson"])


def classify(path: Path) -> None:
    """`nuseg classify --classifier`."""
    from nuseg.classification.run import classify as tell

    try:
        done = tell(path.parent / "results", out() / "classified", classifier=path)
    except NusegError as error:
        if ": unexpected " in str(error):
            raise RuntimeError(str(error)) from error
        raise
    unexpected = [text for text in done.failed if ": unexpected " in text]
    if unexpected:
        raise RuntimeError(unexpected[0])
    if done.failed:
        raise NusegError(done.failed[0])


def classify_results(path: Path) -> None:
    """`nuseg classify` of results that somebody sent."""
    classify(path.parent / "classifier.json")


def learn(path: Path) -> None:
    """Read examples, and find them among the nuclei of results."""
    from nuseg.classification.examples import find_examples, read_marks
    from nuseg.classification.features import features_of
    from nuseg.classification.files import image_results

    results, _ = image_results(path.parent / "results")
    marks = read_marks([path], results)
    for result in results:
        if result.name in marks:
            features = features_of(result, None)
            find_examples(result, marks[result.name], features.ids, features.places)
