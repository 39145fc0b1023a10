"""Images and slides into one results folder: what is done already, one after the other, and a record of each."""

import hashlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nuseg.engines.threads import available_cores, limited_threads
from nuseg.errors import NusegError
from nuseg.io.paths import same_name
from nuseg.io.reader import Kind
from nuseg.model.store import Model
from nuseg.preprocess.stain.normaliser import choose_target
from nuseg.progress import ProgressCallback
from nuseg.results.clinical import Clinical
from nuseg.results.records import Record, Records
from nuseg.results.registry import choose_outputs
from nuseg.results.summary import Row
from nuseg.segmentation.guarded import guard_engine
from nuseg.segmentation.jobs import Job, identity
from nuseg.segmentation.one_image import Here, Wanted, Way
from nuseg.segmentation.plan import SegmentOptions, model_fingerprint
from nuseg.segmentation.segmenter import Segmenter
from nuseg.segmentation.stopping import Stop
from nuseg.segmentation.work import Say, Work
from nuseg.text import printable

IMAGES_AT_ONCE = 2  # the network sees one while the nuclei of the other are separated, measured and written


@dataclass(frozen=True)
class FolderRun:
    """Images and slides, and where and how their results are written.

    Attributes
    ----------
    jobs : sequence of Job
        From `plan_jobs`.
    folder : Path
        Results go to `folder/OUTPUT/NAME.suffix` and `folder/summary.csv`.
    outputs : sequence of str, optional
        Which results; default: those usual for an image or a slide.
    options : SegmentOptions
        How they are segmented.
    overwrite : bool
        Do again what is done, and replace results of other images.
    report : bool
        Whether small pictures are kept for a report.
    clinical : Clinical, optional
        Patients and groups of the images.
    stop : Stop
        To be called to end `run` as soon as it can be ended: what is done of a slide is kept.
    """

    jobs: Sequence[Job]
    folder: Path
    outputs: Sequence[str] | None = None
    options: SegmentOptions = field(default_factory=SegmentOptions)
    overwrite: bool = False
    report: bool = True
    clinical: Clinical | None = None
    stop: Stop = field(default_factory=Stop)

    def settings(self, model: Model) -> str:
        """Identify model, thresholds and options, all that results depend on, by eight hexadecimal digits."""
        options = self.options
        region = options.region and options.region.corners()
        text = f"{model_fingerprint(model.config)} {options.mpp} {region} {options.tissue}"
        if options.region is not None and options.region.annotations:
            text += f" {options.region.labels()}"
        if options.stain is not None:
            text += f" {choose_target(options.stain).model_dump_json()}"
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def undone(self, model: Model, records: Mapping[str, Record]) -> list[Job]:
        """Find the images whose results are not there, or not up to date; see `is_done`."""
        settings = self.settings(model)
        return [job for job in self.jobs if not self.is_done(job, settings, records.get(job.name))]

    def is_done(self, job: Job, settings: str, record: Record | None) -> bool:
        """Whether an image was done without an error, with these settings, and every output exists.

        Its file must have the same size and content as then; when it was changed does not matter.
        """
        if record is None or record.row.error or record.state is None:
            return False
        if (record.row.image, record.row.settings) != (identity(job.image), settings):
            return False
        return all(path.exists() for path in self.paths(job, record.kind)) and record.state.holds(job.image)

    def paths(self, job: Job, kind: Kind) -> list[Path]:
        """Where the results of an image or slide go."""
        return [output.path(self.folder, job.name) for output in choose_outputs(self.outputs, kind)]

    def check_clashes(self, records: Mapping[str, Record]) -> None:
        """Refuse to replace results that an earlier run made of other images.

        Raises
        ------
        NusegError
            There is a record of the same name for another image.
        """
        owners = {same_name(name): record.row.image for name, record in records.items() if not record.row.error}
        for job in self.jobs:
            other = owners.get(same_name(job.name))
            if other not in (None, identity(job.image)):
                raise NusegError(
                    f"{self.folder}: holds results of {other} named {job.name}, which {printable(job.image)} would "
                    "replace: choose another output folder, or set overwrite="
                )

    def run(
        self,
        segmenter: Segmenter,
        jobs: Sequence[Job],
        progress: ProgressCallback | None = None,
        said: Say = lambda text: None,
    ) -> Generator[Row]:
        """Segment every image and write its results; a failure is a row with an error, and the rest goes on.

        A record of each is kept at once; the summary of all is written every ten seconds and at the end, also when
        the iteration is broken off. What another process is doing is left to it. Where a process died while it worked
        at an image, that image comes last and alone; where two did, it is left out with an error.

        Parameters
        ----------
        segmenter : Segmenter
            Model and engine.
        jobs : sequence of Job
            Those of the run that are to be done.
        progress : function, optional
            Called after each tile of the image that is being segmented.
        said : function
            Called with what the user should know of earlier and other processes.

        Yields
        ------
        Row
            After each image.

        Raises
        ------
        NusegError
            The folder cannot be written, or vanished.
        """
        cores = segmenter.threads or available_cores()
        way = Here(guarded(segmenter, self.stop), self.wanted(segmenter.model), min(IMAGES_AT_ONCE, cores))
        with limited_threads(segmenter.threads):
            yield from self.run_by(way, jobs, progress, said)

    def wanted(self, model: Model) -> Wanted:
        """What is made of each image."""
        return Wanted(self.folder, self.outputs, self.options, self.settings(model), self.report)

    def run_by(
        self,
        way: Way,
        jobs: Sequence[Job],
        progress: ProgressCallback | None = None,
        said: Say = lambda text: None,
    ) -> Generator[Row]:
        """Do every image in some way; see `run`."""
        records = Records(self.folder)
        records.begin()  # a folder that cannot be written fails now, not after the work
        records.write_summary()
        work = Work(self, way, records)
        work.watch(progress)
        try:
            yield from work.do(jobs, said)
        finally:
            work.claims.release_all()
            records.write_summary()


def guarded(segmenter: Segmenter, stop: Stop) -> Segmenter:
    """Make a segmenter for several threads, whose engine can be stopped."""
    return replace(segmenter, engine=guard_engine(segmenter.engine, stop))
