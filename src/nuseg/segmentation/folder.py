"""Many images and slides into one folder: names without clashes, what is done already, a row of summary for each."""

import hashlib
import logging
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nuseg.errors import NusegError
from nuseg.io.source import is_slide
from nuseg.measure.counts import image_area_mm2
from nuseg.model.store import Model
from nuseg.results import summary
from nuseg.results.slide import SlideOutput, slide_output_path
from nuseg.results.summary import Row, slide_row
from nuseg.segmentation.pipeline import Progress, segment_slide
from nuseg.segmentation.plan import SlideOptions
from nuseg.segmentation.segmenter import Output, Segmenter, output_path
from nuseg.text import one_line

SUMMARY_EVERY = 10.0  # s; what an interruption may cost
log = logging.getLogger("nuseg")


@dataclass(frozen=True)
class Job:
    """One image or slide of a batch and the name of its results."""

    image: Path
    name: str
    slide: bool = False


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


def find_slides(jobs: Sequence[Job]) -> list[Job]:
    """Say of every job whether it is a slide."""
    return [replace(job, slide=is_slide(job.image)) for job in jobs]


@dataclass(frozen=True)
class Batch:
    """Images and slides, and where and how their results are written.

    Attributes
    ----------
    jobs : sequence of Job
        From `plan_jobs`.
    folder : Path
        Results go to `folder/OUTPUT/NAME.suffix` and `folder/summary.csv`.
    outputs : sequence of str
        Which results of images.
    mpp : float, optional
        Resolution of all images and slides (um/px), over what their files say.
    slide_outputs : sequence of str
        Which results of slides.
    slide_options : SlideOptions
        How slides are segmented; `mpp` takes the place of the one there.
    """

    jobs: Sequence[Job]
    folder: Path
    outputs: Sequence[Output]
    mpp: float | None = None
    slide_outputs: Sequence[SlideOutput] = ()
    slide_options: SlideOptions = field(default_factory=SlideOptions)

    def settings(self, model: Model, slide: bool = False) -> str:
        """Identify model, thresholds and options, all that results depend on, by eight hexadecimal digits."""
        text = f"{model.config.model_dump_json()} {self.mpp}"
        if slide:
            region = self.slide_options.region
            text += f" {region and region.corners()} {self.slide_options.tissue}"
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def undone(self, model: Model, rows: Sequence[Row]) -> list[Job]:
        """Find the images whose results are not there, or not up to date.

        They are up to date where an earlier summary has the image without an error and with the same
        settings, and every output exists and is no older than the image.
        """
        settings = {slide: self.settings(model, slide) for slide in (False, True)}
        good = {(row.name, row.image, row.settings) for row in rows if not row.error}
        return [
            job
            for job in self.jobs
            if (job.name, identity(job.image), settings[job.slide]) not in good or not self.is_newer(job)
        ]

    def paths(self, job: Job) -> list[Path]:
        """Where the results of an image or slide go."""
        if job.slide:
            return [slide_output_path(self.folder, output, job.name) for output in self.slide_outputs]
        return [output_path(self.folder, output, job.name) for output in self.outputs]

    def is_newer(self, job: Job) -> bool:
        """Whether all outputs of an image exist and are no older than the image."""
        try:
            changed = job.image.stat().st_mtime
            return all(path.stat().st_mtime >= changed for path in self.paths(job))
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
        slide_progress: Callable[[Job, Progress], None] | None = None,
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
        slide_progress : function, optional
            Called with the slide that is being segmented and how far it is, after each of its tiles.

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
                if job.slide:
                    table[job.name] = self.segment_one_slide(segmenter, job, slide_progress)
                else:
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
        low, high = result.count_interval or (None, None)
        return Row(
            name=job.name,
            image=identity(job.image),
            width=width,
            height=height,
            mpp=result.mpp,
            mpp_source=result.mpp_source,
            nuclei=count,
            nuclei_low=low,
            nuclei_high=high,
            nuclei_per_mm2=result.nuclei_per_mm2,
            area_mm2=image_area_mm2(result.labels.shape, result.mpp),
            mean_area_um2=float(result.nuclei["area_um2"].mean()) if count else None,
            mask_fraction=result.mask_fraction,
            seconds=time.perf_counter() - start,
            model=result.model_name,
            settings=self.settings(segmenter.model),
            warning="; ".join(one_line(warning.message) for warning in caught),
        )

    def segment_one_slide(
        self, segmenter: Segmenter, job: Job, progress: Callable[[Job, Progress], None] | None = None
    ) -> Row:
        """Segment one slide and write its results; a failure becomes a row with an error."""
        options = replace(self.slide_options, mpp=self.mpp)
        tell = None if progress is None else lambda state: progress(job, state)
        try:
            record = segment_slide(
                job.image, self.folder, segmenter, options, self.slide_outputs, name=job.name, progress=tell
            )
        except Exception as error:  # one bad slide must not end a batch
            log.debug("%s", job.image, exc_info=True)
            return Row(job.name, identity(job.image), error=error_line(error, job.image))
        return slide_row(job.name, identity(job.image), record, self.settings(segmenter.model, slide=True))


def identity(image: Path) -> str:
    """Tell an image from all others on this machine: its absolute path."""
    return str(image.resolve())


def error_line(error: Exception, image: Path) -> str:
    """Say in one line what went wrong with an image."""
    text = one_line(error)
    if isinstance(error, NusegError):
        return text
    if isinstance(error, MemoryError):
        return f"{image}: not enough memory: try a smaller --tile, or cut the image"
    return f"{image}: unexpected {type(error).__name__}: {text}"
