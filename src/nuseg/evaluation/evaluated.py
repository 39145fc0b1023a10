"""Scores of many images together, with what they tell beside: tables, files and a page."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from nuseg.datasets.seen import USES, Use
from nuseg.evaluation.cases import Cases
from nuseg.evaluation.charts import confusion_chart
from nuseg.evaluation.classes import Confusion
from nuseg.evaluation.detection import RADIUS_UM
from nuseg.evaluation.image_table import MOST_VALUES, UNKNOWN
from nuseg.evaluation.page import EvaluationReport, WorstImage, render_evaluation
from nuseg.evaluation.report import TITLES, explain_empty, explain_gaps, explain_groups, summarise, write_scores
from nuseg.evaluation.scoring import Scores
from nuseg.evaluation.views import (
    count_agreement,
    errors_by_kind,
    f1_by_iou,
    probabilities,
    recall_by_size,
    summarise_by,
)
from nuseg.io.atomic import atomic_path
from nuseg.io.image import write_png
from nuseg.report.chart import standalone
from nuseg.report.page import write_page
from nuseg.text import plural, printable

PAGE, BY_COLUMN = "index.html", "by_column.csv"
CONFUSION, CONFUSION_PICTURE = "confusion.csv", "confusion.svg"
NAMES_SHOWN = 3
MAIN_SCORES = ("aji", "dice", "detection_f1")  # the first that there is


@dataclass(frozen=True)
class Evaluation:
    """Scores of many images.

    Attributes
    ----------
    scores : Scores
        Of each image, with what could not be scored and the worst images.
    cases : Cases
        What was compared, and what had no partner.
    about : dict
        What was compared, in words: paths, model, split.
    unknown : tuple of str
        What cannot be said of the model: which images it has seen before.
    radius_um : float
        Within which a nucleus was detected.
    columns : mapping
        Column of a table of images: name of an image: its value. Scores are given by them.
    """

    scores: Scores
    cases: Cases
    about: dict[str, Any] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    radius_um: float = RADIUS_UM
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def warnings(self) -> list[str]:
        """Why the scores may be too good for new images: the model had seen some before, or does not say."""
        return [*explain_seen(self.scores.seen, len(self.scores.rows)), *self.unknown]

    @property
    def notes(self) -> list[str]:
        """What a reader of the scores should know: which areas are ignored, and when a nucleus is detected."""
        notes = explain_ignored(self.scores.ignored, len(self.scores.rows))
        if "detected" in self.table:
            notes.append(f"detection: a nucleus within {self.radius_um:g} um of the annotated one, one to one")
        return notes

    @property
    def table(self) -> pd.DataFrame:
        """One row per image: `name`, `group` where some share one, columns of the table of images, and the scores."""
        table = self.scores.table
        for place, (column, values) in enumerate(self.columns.items()):
            known = [values.get(name, UNKNOWN) for name in table["name"]]
            table.insert(min(1 + place + ("group" in table), table.shape[1]), column, known)
        return table

    @property
    def summary(self) -> pd.DataFrame:
        """Mean of each score over images with its 95 % interval; see `nuseg.evaluation.summarise`."""
        return summarise(self.table)

    @property
    def main(self) -> str:
        """The score that images are ranked by: AJI, Dice where the truth is a mask, or F1 where it is points."""
        return next((score for score in MAIN_SCORES if score in self.table), "dice")

    def by_column(self) -> pd.DataFrame:
        """Every score by each value of the columns of the table of images, and by group where groups are few.

        Returns
        -------
        pandas.DataFrame
            `column`, `value`, `score`, `mean`, `low`, `high`, `images`, `pooled`.
        """
        table = self.table
        few = ["group"] if "group" in table and table["group"].nunique() <= MOST_VALUES else []
        return summarise_by(table, [*self.columns, *few])

    def f1_by_iou(self) -> pd.DataFrame:
        """F1 where a match is a pair above an IoU of 0.50, 0.55 to 0.95; see `nuseg.evaluation.views.f1_by_iou`."""
        return f1_by_iou(self.scores.matched, self.scores.groups)

    def errors_by_kind(self) -> pd.DataFrame:
        """Nuclei missed, false, merged, split, and of a wrong outline; see `nuseg.evaluation.errors`."""
        return errors_by_kind(self.scores.errors_by_kind)

    def confusion(self) -> pd.DataFrame | None:
        """Which classes were taken for which, over all images; None where truth or predictions have no classes.

        Returns
        -------
        pandas.DataFrame or None
            Index `true`: class, the last one "no nucleus"; columns: predicted class. Numbers of nuclei.
        """
        found = Confusion.together(self.scores.confusions.values())
        return None if found is None else found.table

    def save(self, folder: str | Path) -> Path:
        """Write `per_image.csv`, `summary.csv`, `scores.json`, pictures of the worst images, and a page of all.

        Where classes were compared, also `confusion.csv` and `confusion.svg`.

        Returns
        -------
        Path
            Of the page, `index.html`.

        Raises
        ------
        NusegError
            The folder cannot be written.
        """
        return save_evaluation(self, Path(folder))


def save_evaluation(found: Evaluation, out: Path) -> Path:
    """Write all files of an evaluation; see `Evaluation.save`."""
    scores = found.scores
    about = {**found.about, "errors": scores.errors, "missing": found.cases.unpaired_truths}
    seen = scores.seen
    if seen:
        about["seen"] = seen
    table = found.table
    if "detected" in table:
        about["radius_um"] = found.radius_um
    if scores.ignored:
        about["ignored"] = {name: round(share, 6) for name, share in scores.ignored.items()}
    report = report_of(found)
    about |= report_record(report)
    if len(report.by):
        with atomic_path(out / BY_COLUMN) as path:
            report.by.to_csv(path, index=False)
    if report.confusion is not None:
        with atomic_path(out / CONFUSION) as path:
            report.confusion.to_csv(path)
        with atomic_path(out / CONFUSION_PICTURE) as path:
            path.write_text(standalone(confusion_chart(report.confusion)), encoding="utf-8")
    written = table.assign(seen=[seen.get(name, "") for name in table["name"]]) if seen else table
    write_scores(written, out, [*found.warnings, *found.notes], **about)
    drawn = []
    for rank, scored in enumerate(scores.worst, 1):
        caption = f"{scored.name}  {TITLES[scored.score]} {scored.value:.3f}"
        picture = scored.compared.picture(caption)
        if picture is not None:
            write_png(out / f"worst-{rank}.png", picture)
            drawn.append(WorstImage(caption, picture))
    write_page(render_evaluation(replace(report, worst=drawn)), out / PAGE)
    return out / PAGE


def report_of(found: Evaluation) -> EvaluationReport:
    """Put together what the page shows, but the pictures of the worst images."""
    scores, table, summary = found.scores, found.table, found.summary
    matched = scores.matched
    candidate = found.about.get("model") or found.about.get("predictions") or ""
    facts = {
        "compared": printable(candidate),
        "truth": printable(found.about.get("dataset") or found.about.get("truth", "")),
        "split": str(found.about.get("split", "")),
        "images": f"{len(table):,}",
        "groups": f"{table['group'].nunique():,}" if "group" in table else "",
        "nuclei annotated": f"{table['true_count'].sum():,.0f}" if "true_count" in table else "",
    }
    main = summary.loc[found.main] if found.main in summary.index else None
    known = main is not None and not pd.isna(main["low"])
    lead = f"{TITLES[found.main]} {main['mean']:.3f}" if main is not None else "No scores"
    lead += f" (95 % interval {main['low']:.3f} to {main['high']:.3f})" if main is not None and known else ""
    return EvaluationReport(
        title=f"nuseg evaluate: {printable(Path(str(candidate)).name)}",
        lead=f"{lead}, mean over {plural(len(table), 'image')}",
        facts={name: value for name, value in facts.items() if value},
        main=found.main,
        summary=summary,
        table=table,
        warnings=found.warnings,
        notes=[*found.notes, *explain_groups(table), *explain_gaps(summary), *explain_empty(table)],
        by=found.by_column(),
        curve=found.f1_by_iou() if matched else None,
        kinds=found.errors_by_kind() if scores.errors_by_kind else None,
        recall=recall_by_size(matched, scores.groups) if matched else None,
        unit=scores.unit,
        agreement=count_agreement(table),
        reliability=probabilities(scores.stated),
        confusion=found.confusion(),
        ignored=scores.ignored,
        shown=scores.shown,
        worst=(),
        failed={**scores.errors, **dict.fromkeys(found.cases.unpaired_truths, "no prediction")},
    )


def report_record(report: EvaluationReport) -> dict[str, Any]:
    """What `scores.json` keeps of the page beside the scores."""
    tables = {"f1_by_iou": report.curve, "errors_by_kind": report.kinds, "recall_by_size": report.recall}
    record: dict[str, Any] = {
        name: table.astype(object).where(table.notna(), None).to_dict("records")
        for name, table in tables.items()
        if table is not None
    }
    if report.agreement is not None:
        record["count_agreement"] = asdict(report.agreement)
    if report.confusion is not None:
        record["confusion"] = report.confusion.to_dict("index")
    if report.reliability is not None:
        error, table = report.reliability.error, report.reliability.table
        record["reliability"] = {"expected_calibration_error": error, "bins": table.to_dict("records")}
    return record


def explain_ignored(ignored: Mapping[str, float], images: int) -> list[str]:
    """Say how much of the scored images is not known, and so not scored."""
    if not ignored:
        return []
    share = 100 * sum(ignored.values()) / images
    told = [f"ignored areas in {plural(len(ignored), 'image')}, {share:.2g} % of all pixels on average: not scored"]
    whole = [name for name, share in ignored.items() if share == 1]
    if whole:
        told.append(f"without scores, since nothing in them is known: {', '.join(whole[:NAMES_SHOWN])}")
    return told


def explain_seen(seen: Mapping[str, Use], images: int) -> list[str]:
    """Say which of the scored images the model had seen before."""
    told = {
        "train": "trained on",
        "validation": "chosen by (epoch, thresholds)",
    }
    said = []
    for use in USES:
        names = [name for name, used in seen.items() if used == use]
        if names:
            shown = ", ".join(names[:NAMES_SHOWN]) + (" ..." if len(names) > NAMES_SHOWN else "")
            said.append(
                f"the model was {told[use]} {len(names)} of these {plural(images, 'image')} ({shown}): "
                "new images score lower"
            )
    return said
