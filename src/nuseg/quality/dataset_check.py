"""Check a dataset: measure every image, judge all of them together, and write what was found."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nuseg.datasets.dataset import SPLITS, Dataset, Item
from nuseg.engines.loading import Device
from nuseg.engines.quality import AskedQuality
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.model.store import Model
from nuseg.notebook import with_bars
from nuseg.progress import ProgressCallback, tracked
from nuseg.quality.check import Check, Measured, checks
from nuseg.quality.finding import Finding
from nuseg.quality.page import Picture, Report, render_report
from nuseg.quality.pictures import draw_views
from nuseg.quality.reading import read_annotated
from nuseg.quality.sample import Found, Sample
from nuseg.report.page import write_page
from nuseg.segmentation.segmenter import Segmenter
from nuseg.types import Floats

PAGE, TABLE, RECORD = "index.html", "findings.csv", "findings.json"
COLUMNS = ("check", "level", "images", "text", "advice", "places")


@dataclass(frozen=True, eq=False)
class DatasetCheck:
    """What was found in a dataset.

    Attributes
    ----------
    dataset : Dataset
    findings : tuple of Finding
        Warnings before notes, in the order of the checks.
    done : tuple of Check
        The checks that were done.
    left_out : tuple of Check
        Those that were not, because the model was not run or the annotation is of another kind.
    diameters_um : dict of str to (n,) float32
        Diameters of nuclei by split; empty where they are points.
    classes : dict of str to Counter
        Nuclei of each class by split; empty where they have none.
    model : str or None
        Name of the model that was run.
    """

    dataset: Dataset
    findings: tuple[Finding, ...]
    done: tuple[Check[Any], ...]
    left_out: tuple[Check[Any], ...]
    diameters_um: dict[str, Floats] = field(default_factory=dict)
    classes: dict[str, Counter[str | None]] = field(default_factory=dict)
    model: str | None = None

    @property
    def table(self) -> pd.DataFrame:
        """One row per finding: check, level, images, text, advice, places."""
        rows = [finding.record() for finding in self.findings]
        for row in rows:
            row["images"] = ";".join(row["images"])
            row["places"] = json.dumps(row["places"])
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def record(self) -> dict[str, Any]:
        """Give everything as JSON can hold it."""
        return {
            "dataset": self.dataset.name,
            "fingerprint": self.dataset.fingerprint,
            "images": len(self.dataset.items),
            "model": self.model,
            "checks": [check.name for check in self.done],
            "left_out": [check.name for check in self.left_out],
            "findings": [finding.record() for finding in self.findings],
        }

    @with_bars
    def save(self, folder: str | Path, progress: ProgressCallback | None = None) -> Path:
        """Write the page `index.html`, `findings.csv` and `findings.json`; gives the path of the page.

        Raises
        ------
        NusegError
            The folder cannot be written, or an image can no longer be read.
        """
        out = Path(folder)
        with atomic_path(out / TABLE) as temporary:
            self.table.to_csv(temporary, index=False)
        with atomic_path(out / RECORD) as temporary:
            temporary.write_text(json.dumps(self.record(), indent=1) + "\n", encoding="utf-8")
        pictures = draw_views(self.dataset, self.findings, progress)
        write_page(render_report(self._report(pictures)), out / PAGE)
        return out / PAGE

    def _report(self, pictures: dict[int, list[Picture]]) -> Report:
        return Report(
            name=self.dataset.name,
            kind=self.dataset.annotation,
            counts={split: len(self.dataset.split(split)) for split in SPLITS if self.dataset.split(split)},
            findings=self.findings,
            pictures=pictures,
            done=self.done,
            left_out=self.left_out,
            diameters_um=self.diameters_um,
            classes=self.classes,
            model=self.model,
        )


@with_bars
def check_dataset(
    dataset: str | Path | Dataset,
    model: str | Path | Model | None = None,
    *,
    use_model: bool = True,
    quality: AskedQuality | None = None,
    only: Sequence[str] = (),
    device: Device = "auto",
    threads: int | None = None,
    progress: ProgressCallback | None = None,
) -> DatasetCheck:
    """Look for faults in the images and labels of a dataset.

    Parameters
    ----------
    dataset : path or Dataset
        Made by `nuseg.prepare`.
    model : str, path or Model, optional
        That finds unannotated nuclei and confirms others; default: the quality's.
    use_model : bool
        False is faster, and leaves out what only a model can find.
    quality : "auto", "fast", "light", "default" or "best", optional
        As of `nuseg.segment`.
    device : str
        As of `nuseg.segment`.
    threads : int, optional
        As of `nuseg.segment`.
    only : sequence of str
        Names of the checks to do; default: all, see `nuseg.quality.check.checks`.
    progress : function, optional
        Called with a `nuseg.Progress` after each image.

    Returns
    -------
    DatasetCheck
        `.findings`, `.table`, `.record()`, `.save(folder)`.

    Raises
    ------
    NusegError
        The dataset cannot be read, a check has another name, or the model cannot be used.

    Examples
    --------
    >>> found = nuseg.check_dataset("dataset")  # doctest: +SKIP
    >>> found.save("report")  # doctest: +SKIP
    """
    wanted = sorted([checks[name] for name in only] or checks.values(), key=lambda check: (check.position, check.name))
    loaded = dataset if isinstance(dataset, Dataset) else Dataset.load(dataset)
    kind = loaded.annotation
    done = [check for check in wanted if (use_model or not check.needs_model) and kind in check.kinds]
    segmenter = Segmenter.load(model, device, threads, quality) if use_model else None
    facts: dict[str, list[Measured[Any]]] = {check.name: [] for check in done}
    unreadable: list[Finding] = []
    sizes: dict[str, list[Floats]] = {}
    classes: dict[str, Counter[str | None]] = {}
    for item, sample in _samples(loaded, segmenter, unreadable, progress):
        sizes.setdefault(item.split, []).append(sample.diameters_um.astype(np.float32))
        classes.setdefault(item.split, Counter()).update(sample.classes)
        for check in done:
            facts[check.name].append(Measured(item, check.measure(sample)))
    found = [*unreadable, *(finding for check in done for finding in check.judge(facts[check.name]))]
    return DatasetCheck(
        dataset=loaded,
        findings=tuple(sorted(found, key=lambda finding: finding.level != "warning")),
        done=tuple(done),
        left_out=tuple(check for check in wanted if check not in done),
        diameters_um={split: np.concatenate(sizes[split]) for split in SPLITS if split in sizes and kind != "points"},
        classes={split: classes[split] for split in SPLITS if split in classes} if loaded.classes else {},
        model=segmenter.model.config.name if segmenter else None,
    )


def _samples(
    dataset: Dataset, segmenter: Segmenter | None, unreadable: list[Finding], progress: ProgressCallback | None
) -> Iterator[tuple[Item, Sample]]:
    """Read every image, with the model's nuclei; one that cannot be read becomes a finding."""
    for item in tracked(dataset.items, f"check {dataset.name}", progress):
        try:
            read = read_annotated(item)
        except NusegError as problem:
            advice = "copy the whole dataset again, or make it again with nuseg prepare"
            unreadable.append(Finding("files", "warning", (item.name,), str(problem), advice))
            continue
        found = None if segmenter is None else find_nuclei(segmenter, read.pixels, item.mpp)
        yield item, Sample(item.name, read.pixels, read.labels, item.mpp, found, read.ignore, read.classes)


def find_nuclei(segmenter: Segmenter, pixels: np.ndarray, mpp: float) -> Found:
    """Run the model on an (h, w, 3) uint8 RGB image at `mpp` um per pixel."""
    result = segmenter(pixels, mpp)
    labels, nuclei = result.labels, result.nuclei
    probability = np.zeros(max(int(labels.max(initial=0)), int(nuclei["id"].max() if len(nuclei) else 0)) + 1)
    probability[nuclei["id"].to_numpy()] = nuclei["probability"]
    return Found(labels, probability)
