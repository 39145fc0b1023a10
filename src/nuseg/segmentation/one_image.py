"""One image or slide of a folder: segmented, its results written, and a record of it."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from nuseg.errors import NusegError
from nuseg.io.file_state import FileState
from nuseg.io.reader import Kind
from nuseg.progress import ProgressCallback
from nuseg.results.annotated import keep_annotations
from nuseg.results.early import EarlyOutputs
from nuseg.results.facts import facts_of, keep_facts, pictures_of
from nuseg.results.records import FolderLost, Record, Records
from nuseg.results.segmentation import Segmentation
from nuseg.results.summary import Row, result_row
from nuseg.segmentation.jobs import Job, identity
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.segmenter import Segmenter
from nuseg.segmentation.stopping import Stopped
from nuseg.text import one_line, printable

log = logging.getLogger("nuseg")
OUTPUTS = "outputs"  # folder within what is kept of a slide
Keep = Callable[[Record], Row]


@dataclass(frozen=True, eq=False)
class Wanted:
    """What is made of an image, and where it goes.

    Attributes
    ----------
    folder : Path
        Results go to `folder/OUTPUT/NAME.suffix`.
    outputs : sequence of str, optional
        Which results; default: those usual for an image or a slide.
    options : SegmentOptions
        How it is segmented.
    settings : str
        Identifies all that results depend on beside the image.
    report : bool
        Whether small pictures are kept for a report.
    """

    folder: Path
    outputs: Sequence[str] | None = None
    options: SegmentOptions = field(default_factory=SegmentOptions)
    settings: str = ""
    report: bool = True

    def checkpoint(self, job: Job) -> Path:
        """Where what is done of a slide stays until its results are written."""
        return self.folder / f"{job.name}.partial"


class Way(Protocol):
    """How the images of a folder are done: in this process, or by others.

    Attributes
    ----------
    at_once : int
        Images in work at a time.
    elsewhere : bool
        Done by other processes, as many slides at a time as images: an image cannot take this process with it, and
        rows come in the order in which images are done.
    wanted : Wanted
        What is made of each.
    """

    at_once: int
    elsewhere: bool
    wanted: Wanted

    def __call__(self, job: Job, kind: Kind, tell: ProgressCallback, look: ProgressCallback, keep: Keep) -> Row:
        """Do an image; a failure becomes a record with an error.

        Parameters
        ----------
        job : Job
        kind : "image" or "slide"
        tell, look : function
            Called after each tile, and after each part of an output; what they raise ends the work.
        keep : function
            Keeps the record, and gives its row.
        """
        ...


@dataclass
class Here:
    """Images are done in this process, by one engine; see `Way`."""

    segmenter: Segmenter
    wanted: Wanted
    at_once: int
    elsewhere: bool = False

    def __call__(self, job: Job, kind: Kind, tell: ProgressCallback, look: ProgressCallback, keep: Keep) -> Row:
        """Segment one image or slide and write its results; see `Way`."""
        begun, state = time.perf_counter(), None
        checkpoint, early = None, None
        if kind == "slide":
            checkpoint = self.wanted.checkpoint(job)
            early = EarlyOutputs(checkpoint / OUTPUTS, self.wanted.outputs, job.name, look)
        try:
            state = FileState.of(job.image)
            options = self.wanted.options
            with self.segmenter(
                job.image, options=options, checkpoint=checkpoint, progress=tell, early=early
            ) as result:
                row = write_result(result, job, self.wanted, look)
                kind = result.info.kind
                row = replace(row, seconds=time.perf_counter() - begun)
                # Before what is kept of a slide goes: who is killed in between has lost nothing.
                return keep(Record(row, kind, state, result.count_error))
        except (FolderLost, Stopped, KeyboardInterrupt):
            raise
        except BaseException as error:  # one bad image must not end a run of thousands, whatever it raises
            log.debug("%s", job.image, exc_info=True)
            return keep(Record(Row(job.name, identity(job.image), error=error_line(error, job.image)), kind, state))


def write_result(result: Segmentation, job: Job, wanted: Wanted, look: ProgressCallback) -> Row:
    """Write the results of an image and what reports need of it, and give its row.

    All goes to the results folder, which the workers of a cluster share: it need not travel home with the row.

    Raises
    ------
    NusegError
        The folder vanished, or cannot be written.
    """
    records = Records(wanted.folder)
    records.check()
    result.save(wanted.folder, wanted.outputs, job.name, look)
    records.check()
    keep_annotations(records.marker, job.name, result.annotation_rows)
    keep_facts(records.marker, job.name, facts_of(result), pictures_of(result) if wanted.report else {})
    return result_row(job.name, identity(job.image), result, wanted.settings)


def error_line(error: BaseException, image: Path) -> str:
    """Say in one line what went wrong with an image."""
    shown = printable(image)
    try:
        text = one_line(str(error).replace(str(image), shown))
    except Exception:  # another library's exception may fail also at this
        text = "without a message"
    if isinstance(error, NusegError):
        return text
    if isinstance(error, MemoryError):
        return f"{shown}: not enough memory: try a smaller tile=, or cut the image"
    if isinstance(error, OSError) and error.filename is not None and str(error.filename) == str(image):
        return f"{shown}: cannot be opened ({error.strerror}); check the path and its permissions"
    return f"{shown}: unexpected {type(error).__name__}: {text:.200}"
