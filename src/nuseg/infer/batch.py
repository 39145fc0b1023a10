"""Many images into one folder: names without clashes, what is done already, a row of summary for each."""

import hashlib
import logging
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nuseg.errors import NusegError
from nuseg.infer.segment import Output, Segmenter, output_path
from nuseg.io.results import summary
from nuseg.io.results.summary import Row
from nuseg.measure.counts import image_area_mm2
from nuseg.model.store import Model

SUMMARY_EVERY = 10.0  # s; what an interruption may cost
log = logging.getLogger("nuseg")


@dataclass(frozen=True)
class Job:
    """One image of a batch and the name of its results."""

    image: Path
    name: str


def plan_jobs(images: Sequence[Path]) -> list[Job]:
    """Name the results of each image so that none overwrites another.

    The name is the file's without suffix. Where two would be the same (without regard to case, as some file
    systems have none), all of these are told apart by their folder (`case1_image`), else by their suffix
    (`image_png`), else by both.

    Raises
    ------
    NusegError
        Two images cannot be told apart.
    """
    ways: list[Callable[[Path], str]] = [
        lambda path: path.stem,
        lambda path: f"{path.resolve().parent.name}_{path.stem}",
        lambda path: path.name.replace(".", "_"),
        lambda path: f"{path.resolve().parent.name}_{path.name.replace('.', '_')}",
    ]
    groups: dict[str, list[Path]] = defaultdict(list)
    for image in images:
        groups[image.stem.casefold()].append(image)
    names: dict[Path, str] = {}
    for group in groups.values():
        way = next((way for way in ways if len({way(path).casefold() for path in group}) == len(group)), ways[-1])
        names |= {path: way(path) for path in group}
    taken: dict[str, Path] = {}
    for image, name in names.items():
        other = taken.setdefault(name.casefold(), image)
        if other is not image:
            raise NusegError(
                f"{image} and {other}: results of both would be named {name}: "
                "rename one or segment them into different folders"
            )
    return [Job(image, names[image]) for image in images]


@dataclass(frozen=True)
class Batch:
    """Images, and where and how their results are written.

    Attributes
    ----------
    jobs : sequence of Job
        From `plan_jobs`.
    folder : Path
        Results go to `folder/OUTPUT/NAME.suffix` and `folder/summary.csv`.
    outputs : sequence of str
        Which results.
    mpp : float, optional
        Resolution of all images (um/px), over what their files say.
    """

    jobs: Sequence[Job]
    folder: Path
    outputs: Sequence[Output]
    mpp: float | None = None

    def settings(self, model: Model) -> str:
        """Identify model, thresholds and `mpp`, all that results depend on, by eight hexadecimal digits."""
        text = f"{model.config.model_dump_json()} {self.mpp}"
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def undone(self, model: Model, rows: Sequence[Row]) -> list[Job]:
        """Find the images whose results are not there, or not up to date.

        They are up to date where an earlier summary has the image without an error and with the same
        settings, and every output exists and is no older than the image.
        """
        settings = self.settings(model)
        good = {(row.name, row.image) for row in rows if not row.error and row.settings == settings}
        return [job for job in self.jobs if (job.name, identity(job.image)) not in good or not self.is_newer(job)]

    def is_newer(self, job: Job) -> bool:
        """Whether all outputs of an image exist and are no older than the image."""
        try:
            changed = job.image.stat().st_mtime
            paths = [output_path(self.folder, output, job.name) for output in self.outputs]
            return all(path.stat().st_mtime >= changed for path in paths)
        except OSError:
            return False

    def check_clashes(self, rows: Sequence[Row]) -> None:
        """Refuse to replace results that an earlier batch made of other images.

        Raises
        ------
        NusegError
            The summary has a row of the same name for another image.
        """
        owners = {row.name: row.image for row in rows if not row.error}
        for job in self.jobs:
            other = owners.get(job.name)
            if other not in (None, identity(job.image)):
                raise NusegError(
                    f"{self.folder}: holds results of {other} named {job.name}, which {job.image} would "
                    "replace: choose another output folder, or add --overwrite"
                )

    def run(
        self,
        segmenter: Segmenter,
        jobs: Sequence[Job],
        rows: Sequence[Row] = (),
        progress: Callable[[float], None] | None = None,
    ) -> Generator[Row]:
        """Segment every image and write its results; a failure is a row with an error, and the rest goes on.

        The summary is written every ten seconds and at the end, also when the iteration is broken off.

        Parameters
        ----------
        segmenter : Segmenter
            Model and engine.
        jobs : sequence of Job
            Those of the batch that are to be done.
        rows : sequence of Row
            Of earlier batches, kept in the summary where no new one replaces them.
        progress : function, optional
            Called with the share of the current image done, 0..1.

        Yields
        ------
        Row
            After each image.
        """
        table = {row.name: row for row in rows}
        path = self.folder / summary.FILE
        summary.write(list(table.values()), path)  # a folder that cannot be written fails now, not after the work
        saved = time.monotonic()
        try:
            for job in jobs:
                table[job.name] = self.segment_one(segmenter, job, progress)
                if time.monotonic() - saved >= SUMMARY_EVERY:
                    summary.write(list(table.values()), path)
                    saved = time.monotonic()
                yield table[job.name]
        finally:
            summary.write(list(table.values()), path)

    def segment_one(self, segmenter: Segmenter, job: Job, progress: Callable[[float], None] | None = None) -> Row:
        """Segment one image and write its results; a failure becomes a row with an error."""
        start = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            try:
                result = segmenter(job.image, self.mpp, progress)
                result.save(self.folder, self.outputs, job.name)
            except Exception as error:  # one bad image must not end a batch of thousands
                log.debug("%s", job.image, exc_info=True)
                return Row(job.name, identity(job.image), error=error_line(error, job.image))
        height, width = result.labels.shape
        count = len(result.nuclei)
        return Row(
            name=job.name,
            image=identity(job.image),
            width=width,
            height=height,
            mpp=result.mpp,
            mpp_source=result.mpp_source,
            nuclei=count,
            nuclei_per_mm2=result.nuclei_per_mm2,
            area_mm2=image_area_mm2(result.labels.shape, result.mpp),
            mean_area_um2=float(result.nuclei["area_um2"].mean()) if count else None,
            mask_fraction=result.mask_fraction,
            seconds=time.perf_counter() - start,
            model=result.model_name,
            settings=self.settings(segmenter.model),
            warning="; ".join(" ".join(str(warning.message).split()) for warning in caught),
        )


def identity(image: Path) -> str:
    """Tell an image from all others on this machine: its absolute path."""
    return str(image.resolve())


def error_line(error: Exception, image: Path) -> str:
    """Say in one line what went wrong with an image."""
    text = " ".join(str(error).split())
    if isinstance(error, NusegError):
        return text
    if isinstance(error, MemoryError):
        return f"{image}: not enough memory: try a smaller --tile, or cut the image"
    return f"{image}: unexpected {type(error).__name__}: {text}"
