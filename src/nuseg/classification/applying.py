"""A classifier used on the images of results: classes of all nuclei, written to another folder of results."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from nuseg.classification.classifier import Classifier
from nuseg.classification.features import features_of
from nuseg.classification.files import ImageResult
from nuseg.classification.findings import Finding, findings_of
from nuseg.classification.told import Told
from nuseg.classification.way import Way
from nuseg.classification.writing import write_all
from nuseg.errors import NusegError
from nuseg.measure.class_counts import ClassCount
from nuseg.progress import Progress
from nuseg.results.records import Record, Records
from nuseg.results.summary import Row
from nuseg.text import in_short, one_line


@dataclass(frozen=True)
class Applied:
    """What became of the images.

    Attributes
    ----------
    rows : list of dict
        Of `classes.csv`.
    findings : list of Finding
    failed : list of str
        Why images were not classified.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def apply(
    classifier: Classifier, results: Sequence[ImageResult], records: Records, way: Way, say: Callable[[str], None]
) -> Applied:
    """Classify the nuclei of all images and write their files; an image that fails has its error in the summary."""
    done = Applied()
    for number, result in enumerate(results, 1):
        try:
            told = apply_to(classifier, result, records.folder, way)
            records.keep(classified_record(told))
            done.rows.extend({"name": result.name, "class": one.name} | _numbers(one) for one in told.counts)
            done.findings.extend(told.findings)
        except Exception as error:  # one bad result must not end a run of many
            known = isinstance(error, NusegError)
            text = str(error) if known else f"{result.where}: unexpected {type(error).__name__}: {in_short(error)}"
            done.failed.append(text)
            say(f"error: {text}")
            records.keep(Record(Row(result.name, result.row.image, error=text), result.record.kind))
        way.tell(Progress("classify", number, len(results)))
    records.write_summary()
    return done


def _numbers(counted: ClassCount) -> dict[str, Any]:
    """The numbers of a class, as the table has them."""
    return {name: value for name, value in asdict(counted).items() if name not in ("name", "colour")}


def classified_record(told: Told) -> Record:
    """The record of an image with what was told of its nuclei."""
    row = told.result.row
    # Another run of nuseg segment must not take these files for its own.
    settings = f"{row.settings}-{told.about['fingerprint']}"
    warning = one_line("; ".join(filter(None, (row.warning, *told.notes))))
    counts = {one.name: one.nuclei for one in told.counts}
    return replace(told.result.record, row=replace(row, settings=settings, warning=warning, classes=counts))


def apply_to(classifier: Classifier, result: ImageResult, out: Path, way: Way) -> Told:
    """Classify the nuclei of one image and write its files."""
    total = result.row.nuclei or 0
    source = way.source(result)
    try:
        features = features_of(
            result, source, lambda done: way.tell(Progress(f"classify {result.name}", min(done, total), total))
        )
        classes, probabilities = classifier.predict(features.values)
        unlike = classifier.content.reach.unlike(features.values)
        findings = tuple(findings_of(classifier.content.learning, result, unlike))
        about = {"fingerprint": classifier.fingerprint, "unlike_examples": round(unlike, 4)}
        told = Told(
            result, source, features.ids, features.places, classes, probabilities, classifier.classes, about, findings
        )
        write_all(told, out)
        return told
    finally:
        if source is not None:
            source.close()
