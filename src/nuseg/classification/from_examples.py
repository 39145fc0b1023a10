"""A classifier from the nuclei that somebody marked on images with results."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from nuseg.classification.classifier import Classifier, Content, Learning, fingerprint
from nuseg.classification.examples import Found, Marks, find_examples, read_marks
from nuseg.classification.features import ALL, PLAIN, Features, features_of, find_image
from nuseg.classification.files import ImageResult
from nuseg.classification.learn import Examples, Learned, learn
from nuseg.classification.likeness import reach_of
from nuseg.classification.way import Way
from nuseg.errors import NusegError
from nuseg.progress import Progress
from nuseg.results.info import versions
from nuseg.text import plural, printable


def learn_from(
    results: Sequence[ImageResult],
    paths: Sequence[Path],
    way: Way,
    choose: bool,
    seed: int,
    note: Callable[[str], None],
) -> tuple[Classifier, pd.DataFrame]:
    """Learn a classifier from examples; with `choose`, look at pixels where all images with examples are at hand."""
    marks = read_marks(paths, results)
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
    made = Classifier(content_of(held, learned, way.pixels, facts))
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


def content_of(examples: Examples, learned: Learned, pixels: bool, facts: Learning) -> Content:
    """Put a classifier together."""
    return Content(
        classes=examples.names,
        features=ALL if pixels else PLAIN,
        reach=reach_of(examples.values),
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
