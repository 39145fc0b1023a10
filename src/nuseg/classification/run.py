"""Results with the classes of their nuclei: what `nuseg classify` does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from nuseg.classification.applying import apply
from nuseg.classification.card import write_card
from nuseg.classification.classifier import FILE, Classifier
from nuseg.classification.files import image_results
from nuseg.classification.findings import Finding, gathered
from nuseg.classification.from_examples import learn_from
from nuseg.classification.scores import Scores
from nuseg.classification.way import Way
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path, check_folder
from nuseg.io.paths import user_path
from nuseg.progress import ProgressCallback
from nuseg.results.cohort.report import PAGE, write_report
from nuseg.results.output import require_packages
from nuseg.results.records import Records
from nuseg.text import printable

TABLE, CARD, EXAMPLES = "classes.csv", "classifier.md", "examples.csv"
WHOLE = ("nuclei", "nuclei_low", "nuclei_high")  # columns of the table
DECIMALS = {"nuclei_per_mm2": 2, "per_mm2_low": 2, "per_mm2_high": 2, "share": 5, "share_low": 5, "share_high": 5}


@dataclass(frozen=True, eq=False)
class ClassifyResult:
    """What became of the images of a results folder.

    Attributes
    ----------
    classifier : Classifier
        Of `classifier.json`.
    table : pandas.DataFrame
        One row per image and class: `name`, `class`, then what `nuseg.measure.class_counts.ClassCount` explains:
        `nuclei`, `nuclei_low`, `nuclei_high`, `nuclei_per_mm2`, `per_mm2_low`, `per_mm2_high`, `share`, `share_low`,
        `share_high`; `classes.csv` holds it.
    examples : pandas.DataFrame
        One row per example: image, id, place, class, class told by cross-validation and its probability; empty where
        a classifier was given.
    failed : list of str
        Why images were not classified.
    notes : list of str
        Which examples were left out, and what makes scores or classes uncertain.
    findings : list of Finding
        Images whose nuclei are unlike the examples, or were found in another way.
    report : Path, optional
        The page about all results, where those that were classified have one.
    """

    classifier: Classifier
    table: pd.DataFrame
    examples: pd.DataFrame = field(default_factory=pd.DataFrame)
    failed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    report: Path | None = None

    @property
    def scores(self) -> Scores:
        """Scores by cross-validation, of the examples that the classifier was learned from."""
        return self.classifier.scores


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
        There are no results, no examples or too few of a class, or something cannot be read or written; `out` has
        results of other images; scikit-learn is not installed, which learning needs.
    """
    folder, out = user_path(results), Path(out)
    if (examples is None) == (classifier is None):
        raise NusegError("expected examples to learn from (examples=) or a classifier (classifier=), one of them")
    check_folder(out)
    if out.resolve() == folder.resolve():
        raise NusegError(f"{printable(out)}: the results themselves are there; choose another folder out=")
    found, without = image_results(folder)
    check_out(out, {record.row.name for record in without} | {result.name for result in found})
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
        if pixels is False and own.needs_pixels:
            raise NusegError(
                f"classifier {own.fingerprint}: expected one that needs no pixels, found one that looks at them; leave "
                "pixels= out, or learn one without pixels from the examples"
            )
        own = own.save(out / FILE)
    write_card(own, out / CARD)
    if len(table):
        with atomic_path(out / EXAMPLES) as temporary:
            table.to_csv(temporary, index=False)
    records = Records(out)
    records.begin()
    for record in without:
        records.keep(record)
    done = apply(own, found, records, Way(place, own.needs_pixels, tell), say)
    for text in gathered(done.findings):
        note(text)
    if not done.rows:
        raise NusegError(f"{printable(folder)}: no image could be classified: {done.failed[0]}")
    counted = pd.DataFrame(done.rows).astype(dict.fromkeys(WHOLE, "Int64"))
    with atomic_path(out / TABLE) as temporary:
        counted.round(DECIMALS).to_csv(temporary, index=False)
    page = write_report(out).page if (folder / PAGE).is_file() else None
    return ClassifyResult(own, counted, table, done.failed, notes, done.findings, page)


def check_out(out: Path, names: set[str]) -> None:
    """Refuse a folder with results of other images than `names`: another classifier told their classes, or none.

    Raises
    ------
    NusegError
        It is one.
    """
    others = sorted(set(Records(out).read()) - names)
    if others:
        raise NusegError(
            f"{printable(out)}: expected no results of other images, found those of {printable(others[0])}; choose "
            "another folder out="
        )
