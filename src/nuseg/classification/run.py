"""Results with the classes of their nuclei: what `nuseg classify` does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nuseg.classification.card import write_card
from nuseg.classification.classifier import FILE, Classifier, Content, Learning, fingerprint
from nuseg.classification.examples import Found, Marks, find_examples, read_marks
from nuseg.classification.features import ALL, PLAIN, Features, features_of, find_image, open_image
from nuseg.classification.files import ImageResult, image_results
from nuseg.classification.learn import Examples, Learned, learn
from nuseg.classification.scores import Scores
from nuseg.classification.writing import Told, class_rows, write_all
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path, check_folder
from nuseg.io.paths import user_path
from nuseg.io.source import Source
from nuseg.measure.classes import Colour, class_colours
from nuseg.progress import Progress, ProgressCallback
from nuseg.results.info import versions
from nuseg.results.output import require_packages
from nuseg.results.records import Record, Records
from nuseg.text import in_short, plural, printable

TABLE, CARD, EXAMPLES = "classes.csv", "classifier.md", "examples.csv"


@dataclass(frozen=True, eq=False)
class ClassifyResult:
    """What became of the images of a results folder.

    Attributes
    ----------
    classifier : Classifier
        Of `classifier.json`.
    table : pandas.DataFrame
        One row per image and class: `name`, `class`, `nuclei`, `share`, `nuclei_per_mm2`; `classes.csv` holds it.
    examples : pandas.DataFrame
        One row per example: image, id, place, class, class told by cross-validation and its probability; empty where
        a classifier was given.
    failed : list of str
        Why images were not classified.
    notes : list of str
        Which examples were left out, and what makes scores uncertain.
    """

    classifier: Classifier
    table: pd.DataFrame
    examples: pd.DataFrame = field(default_factory=pd.DataFrame)
    failed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def scores(self) -> Scores:
        """Scores by cross-validation, of the examples that the classifier was learned from."""
        return self.classifier.scores


@dataclass(frozen=True)
class Way:
    """How images are looked at.

    Attributes
    ----------
    images : Path, optional
        Where they lie; None: where they were segmented.
    pixels : bool
        Whether their pixels are looked at.
    tell : function
        Called with a `Progress`.
    """

    images: Path | None
    pixels: bool
    tell: ProgressCallback

    def source(self, result: ImageResult) -> Source | None:
        """Open the image of a result, where pixels are looked at."""
        return open_image(result, self.images) if self.pixels else None


def classify(
    results: str | Path,
    out: str | Path,
    *,
    examples: str | Path | Sequence[str | Path] | None = None,
    classifier: str | Path | Classifier | None = None,
    images: str | Path | None = None,
    pixels: bool | None = None,
    seed: int = 0,
    progress: ProgressCallback | None = None,
    said: Callable[[str], None] | None = None,
) -> ClassifyResult:
    """Tell the classes of all nuclei of results, after examples that a user marked.

    A classifier is learned from `examples`, scored by cross-validation, and written to `out/classifier.json`; or one
    that was learned before is used. `out` gets the files of the results with the columns `class` and
    `probability_NAME`, a picture of each image and `classes.csv`.

    Parameters
    ----------
    results : path
        A folder that `nuseg segment` wrote, with `csv` and `geojson`, or their Parquet forms.
    out : path
        Another folder; is made if it does not exist.
    examples : path, or sequence of paths
        Files with points or outlines that have classes, one for each image and of its name, or folders of them.
    classifier : path or Classifier
        In place of examples: one that was learned before.
    images : path, optional
        Folder of the images; default: where they were segmented.
    pixels : bool, optional
        Whether stain and texture of the pixels are looked at, beside the tables. Default: where the images with
        examples are at hand.
    seed : int
        The same seed gives the same classifier.
    progress : function, optional
        Called with a `nuseg.Progress`.
    said : function, optional
        Called at once with each note, and each reason why an image was not classified.

    Returns
    -------
    ClassifyResult

    Raises
    ------
    NusegError
        There are no results, no examples or too few of a class, or something cannot be read or written; scikit-learn
        is not installed, which learning needs.
    """
    folder, out = user_path(results), Path(out)
    if (examples is None) == (classifier is None):
        raise NusegError("expected examples to learn from (examples=) or a classifier (classifier=), one of them")
    check_folder(out)
    if out.resolve() == folder.resolve():
        raise NusegError(f"{printable(out)}: the results themselves are there; choose another folder out=")
    found = image_results(folder)
    place = None if images is None else user_path(images)
    tell, say = progress or (lambda state: None), said or (lambda text: None)
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        say(f"note: {text}")

    table = pd.DataFrame()
    if examples is not None:
        require_packages("learning from examples", ("sklearn",), "classify")
        given = [examples] if isinstance(examples, str | Path) else examples
        way = Way(place, pixels is True, tell)
        own, table = learn_from(found, [user_path(path) for path in given], way, pixels is None, seed, note)
        own = own.save(out / FILE)
    else:
        own = classifier if isinstance(classifier, Classifier) else Classifier.load(user_path(str(classifier)))
        own = own.save(out / FILE)
        if pixels is False and own.needs_pixels:
            raise NusegError("pixels=False: this classifier looks at pixels; learn one without them from the examples")
    write_card(own, out / CARD)
    if len(table):
        with atomic_path(out / EXAMPLES) as temporary:
            table.to_csv(temporary, index=False)
    rows, failed = apply(own, found, out, Way(place, own.needs_pixels, tell), say)
    if not rows:
        raise NusegError(f"{printable(folder)}: no image could be classified: {failed[0]}")
    return ClassifyResult(own, pd.DataFrame(rows), table, failed, notes)


def learn_from(
    results: Sequence[ImageResult],
    paths: Sequence[Path],
    way: Way,
    choose: bool,
    seed: int,
    note: Callable[[str], None],
) -> tuple[Classifier, pd.DataFrame]:
    """Learn a classifier from examples; with `choose`, look at pixels where all images with examples are at hand."""
    marks, colours = read_marks(paths, results)
    marked = [result for result in results if result.name in marks and marks[result.name].shapes]
    if choose:
        absent = [result for result in marked if not find_image(result, way.images).is_file()]
        way = replace(way, pixels=not absent)
        if absent:
            note(
                f"{plural(len(absent), 'image')} with examples not at hand, such as "
                f"{printable(find_image(absent[0], way.images))}: classified without pixels, less well; images= names "
                "their folder"
            )
    values, names, images, ids, places = [], list[str](), list[int](), list[int](), []
    for number, result in enumerate(marked):
        features, found = seen(result, marks[result.name], way, number, len(marked))
        for text in found.notes:
            note(text)
        values.append(features.values[found.rows])
        names += found.classes
        images += [number] * len(found.rows)
        ids += features.ids[found.rows].tolist()
        places.append(features.places[found.rows])
    if not names:
        raise NusegError("examples: none lies on a nucleus of the results; check that they are of the same images")
    classes = tuple(sorted(set(names)))
    truth = np.array([classes.index(name) for name in names])
    held = Examples(np.concatenate(values), truth, np.array(images), classes)
    learned = learn(held, seed, lambda done, total: way.tell(Progress("learn", done, total)))
    for text in learned.warnings:
        note(text)
    facts = Learning(
        examples=counted(marked, held),
        files={printable(path.name): fingerprint(path) for own in marks.values() for path in dict.fromkeys(own.files)},
        results={result.name: result.row.settings for result in marked},
        model=sorted({result.row.model for result in marked}),
        mpp=sorted({result.mpp for result in marked}),
        seed=seed,
        versions=versions() | {"scikit-learn": version("scikit-learn")},
        warnings=list(learned.warnings),
    )
    made = Classifier(content_of(learned, classes, colours, way.pixels, facts))
    return made, example_table([result.name for result in marked], held, learned, ids, np.concatenate(places))


def seen(result: ImageResult, marks: Marks, way: Way, number: int, total: int) -> tuple[Features, Found]:
    """Measure the nuclei of a marked image, and find the examples among them."""
    source = way.source(result)
    try:
        features = features_of(result, source)
    finally:
        if source is not None:
            source.close()
    way.tell(Progress("images with examples", number + 1, total))
    return features, find_examples(result, marks, features.ids, features.places)


def counted(results: Sequence[ImageResult], held: Examples) -> dict[str, dict[str, int]]:
    """Count the examples by image and class."""
    found = {}
    for number, result in enumerate(results):
        counts = np.bincount(held.truth[held.images == number], minlength=len(held.names)).tolist()
        found[result.name] = dict(zip(held.names, counts, strict=True))
    return found


def content_of(
    learned: Learned, classes: tuple[str, ...], colours: dict[str, Colour], pixels: bool, facts: Learning
) -> Content:
    """Put a classifier together; classes have the colours of the examples, where these say any."""
    return Content(
        classes=classes,
        colours=class_colours(classes) | {name: colours[name] for name in classes if name in colours},
        features=ALL if pixels else PLAIN,
        calibration=learned.calibration,
        scores=learned.scores,
        learning=facts,
        forest=learned.forest.store(),
    )


def example_table(
    names: Sequence[str], held: Examples, learned: Learned, ids: Sequence[int], places: np.ndarray
) -> pd.DataFrame:
    """List the examples with what cross-validation told of each, the most doubtful first."""
    told = learned.told.argmax(axis=1)
    table = pd.DataFrame(
        {
            "name": [names[number] for number in held.images],
            "id": ids,
            "x_px": places[:, 0].round(2),
            "y_px": places[:, 1].round(2),
            "class": [held.names[place] for place in held.truth],
            "told": [held.names[place] for place in told],
            "probability": learned.told[np.arange(len(told)), held.truth].round(4),
        }
    )
    return table.sort_values("probability", kind="stable", ignore_index=True)


def apply(
    classifier: Classifier, results: Sequence[ImageResult], out: Path, way: Way, say: Callable[[str], None]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Classify the nuclei of all images and write their files; gives the rows of `classes.csv`, and what failed."""
    records = Records(out)
    records.begin()
    rows: list[dict[str, Any]] = []
    failed: list[str] = []
    for number, result in enumerate(results, 1):
        try:
            rows += apply_to(classifier, result, out, way)
            # Another run of nuseg segment must not take these files for its own.
            settings = f"{result.row.settings}-{classifier.fingerprint}"
            records.keep(Record(replace(result.row, settings=settings)))
        except NusegError as error:
            failed.append(str(error))
            say(f"error: {error}")
        except Exception as error:  # one bad result must not end a run of many
            failed.append(f"{result.where}: unexpected {type(error).__name__}: {in_short(error)}")
            say(f"error: {failed[-1]}")
        way.tell(Progress("classify", number, len(results)))
    records.write_summary()
    if rows:
        with atomic_path(out / TABLE) as temporary:
            pd.DataFrame(rows).to_csv(temporary, index=False)
    return rows, failed


def apply_to(classifier: Classifier, result: ImageResult, out: Path, way: Way) -> list[dict[str, Any]]:
    """Classify the nuclei of one image and write its files."""
    total = result.row.nuclei or 0
    source = way.source(result)
    try:
        features = features_of(
            result, source, lambda done: way.tell(Progress(f"classify {result.name}", min(done, total), total))
        )
        classes, probabilities = classifier.predict(features.values)
        about = {"fingerprint": classifier.fingerprint, "classes": list(classifier.classes)}
        told = Told(result, source, features.ids, features.places, classes, probabilities, classifier.colours, about)
        write_all(told, out)
        return [{"name": result.name} | row for row in class_rows(told)]
    finally:
        if source is not None:
            source.close()
