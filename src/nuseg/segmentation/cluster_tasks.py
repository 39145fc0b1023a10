"""What a worker of a cluster does: tasks of an image or slide, each a function whose arguments can be pickled.

A slide is begun, its tiles are done range by range, and it is finished. Between the tasks stands what is kept of the
tiles in the results folder, which all workers share: a task that is done once more, because its worker died, does only
the tiles that are not there, and gives the same bytes.
"""

import logging
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import TypeVar

from nuseg.engines.devices import kind_of
from nuseg.engines.engine import Engine, arithmetic_of
from nuseg.engines.loading import load_engine
from nuseg.engines.threads import limited_threads
from nuseg.errors import NusegError
from nuseg.io.file_state import FileState
from nuseg.io.opening import open_source
from nuseg.io.reader import Kind
from nuseg.model.store import SHIPPED, Model, Quality, choose_model, has_own_model
from nuseg.progress import Progress
from nuseg.results.info import ResultInfo
from nuseg.results.records import FolderLost, Record, Records
from nuseg.results.segmentation import Segmentation
from nuseg.results.summary import Row
from nuseg.segmentation.checkpoint import FolderCheckpoint
from nuseg.segmentation.guarded import guard_engine
from nuseg.segmentation.jobs import Job, identity
from nuseg.segmentation.one_image import Wanted, error_line, write_result
from nuseg.segmentation.part_store import TILE
from nuseg.segmentation.pipeline import SourceWork, begin_source
from nuseg.segmentation.plan import model_fingerprint
from nuseg.segmentation.segmenter import Segmenter
from nuseg.segmentation.stopping import Stop
from nuseg.segmentation.tile_processes import choose_hands
from nuseg.segmentation.tiles import giving_back, run_tiles, thread_pool, windows_of
from nuseg.text import one_line, printable

log = logging.getLogger("nuseg")
LOOK = 0.5  # s between two looks for what another machine wrote
# Network file systems find a new file that is asked for by its name at once, and list it within a minute. A task that
# comes when its run has ended must not hold its worker up.
LONGEST_TOKEN, LONGEST_LISTING = 3.0, 90.0  # s
Made = TypeVar("Made")
GONE = "the cluster is gone (its scheduler ended, or cannot be reached); start it, and go on"
loading = Lock()
seen_tokens: set[Path] = set()  # of the runs that this process has worked for


@dataclass(frozen=True)
class ModelOrder:
    """Which model a worker loads.

    Attributes
    ----------
    model : str
        A shipped model or a folder.
    quality : str, optional
        What was asked for.
    fingerprint : str
        Of the model that whoever gave the order has.
    device : str
    threads : int, optional
        CPU threads of a worker; None = as many as it does tasks at a time.
    notes : tuple of str
        What every result should say of how the model was chosen.
    """

    model: str
    quality: Quality | None
    fingerprint: str
    device: str
    threads: int | None
    notes: tuple[str, ...] = ()


def order_model(model: Model, quality: Quality | None, device: str, threads: int | None) -> ModelOrder:
    """Order a model, shipped ones by their names: other machines have them at other places."""
    shipped = model.path.parent == SHIPPED
    name = model.path.name if shipped else str(model.path.absolute())
    return ModelOrder(name, quality, model_fingerprint(model.config), device, threads)


@dataclass(frozen=True, eq=False)
class Order:
    """What every task of a run knows.

    Attributes
    ----------
    wanted : Wanted
        With the absolute path of the results folder.
    model : ModelOrder
    base : Path
        Relative paths of images begin there.
    token : str
        Name of a file in the records' folder: a worker that does not see it has another folder of the same path.
    version : str
        Of nuseg.
    """

    wanted: Wanted
    model: ModelOrder
    base: Path
    token: str
    version: str

    def absolute(self, job: Job) -> Job:
        """A job with the path that it has on all machines."""
        return replace(job, image=self.base / job.image)

    def as_given(self, text: str, job: Job) -> str:
        """Name an image in a text by the path that was given."""
        return text.replace(printable(self.base / job.image), printable(job.image))


@dataclass(frozen=True, eq=False)
class BegunSlide:
    """A slide of which all is settled but its tiles.

    Attributes
    ----------
    work : bytes
        The pickled `SourceWork`: opened by the task that needs it, not by the cluster on the way.
    windows : tuple of int
        How many tiles share each window.
    state : FileState
        Of its file.
    begun : float
        When (s since 1970).
    """

    work: bytes
    windows: tuple[int, ...]
    state: FileState
    begun: float

    @property
    def tiles(self) -> int:
        """How many there are."""
        return sum(self.windows)


@dataclass(frozen=True)
class RunFailed:
    """Why no image can be done: the whole run ends."""

    text: str
    lost: bool = False


class RunEnds(NusegError):
    """No image can be done, as whoever gave the order sees it."""


class WorkerUnfit(NusegError):
    """A worker cannot do what the run needs."""


class TaskFailed(NusegError):
    """A task failed for a reason that may pass; plain enough for every way between processes."""


def attempt(task: Callable[..., Made], order: Order, job: Job, *given: object) -> Made | Record | RunFailed:
    """Do a task for an image; an error of nuseg is given back, since it would come again.

    Raises
    ------
    TaskFailed
        For other reasons, such as memory or a file system that was away: the cluster tries again.
    """
    try:
        check_worker(order)
        return task(order, job, *given)
    except (FolderLost, WorkerUnfit) as error:
        return RunFailed(one_line(error), isinstance(error, FolderLost))
    except (NusegError, FileNotFoundError, PermissionError) as error:
        return failed(order, job, error)
    except BaseException as error:  # some end a worker's thread, others cannot be pickled, with which a client waits on
        log.debug("%s", job.image, exc_info=True)
        text = failed(order, job, error).row.error
    raise TaskFailed(text)  # here, so that it does not hold the error that it came from


def failed(order: Order, job: Job, error: BaseException) -> Record:
    """The record of an image that cannot be done."""
    image = order.absolute(job).image
    return Record(Row(job.name, identity(image), error=order.as_given(error_line(error, image), job)))


def check_worker(order: Order) -> None:
    """Make sure that this process can do what a run needs.

    Raises
    ------
    WorkerUnfit
        It has another nuseg, another model, or another folder.
    FolderLost
        The folder vanished.
    """
    here = version("nuseg")
    if here != order.version:
        raise WorkerUnfit(f"{worker_name()}: has nuseg {here}, expected {order.version}; install the same everywhere")
    token = order.wanted.folder / order.token
    if token in seen_tokens:
        return
    if not seen(token.is_file, LONGEST_TOKEN):
        Records(order.wanted.folder).check()
        raise WorkerUnfit(
            f"{worker_name()}: does not see {order.wanted.folder} as this machine does; put results where all machines "
            "of the cluster share a folder under the same path"
        )
    seen_tokens.add(token)


def check_arithmetic(begun: str, engine: Engine) -> None:
    """Make sure that this process computes the network as the one that began a slide.

    Raises
    ------
    WorkerUnfit
        It has another kind of CPU.
    """
    here = arithmetic_of(engine)
    if here and here != begun:
        raise WorkerUnfit(
            f"{worker_name()}: computes networks otherwise ({here}) than the one that began the slide ({begun}), so "
            "that nuclei would depend on who did which tile; use workers with CPUs of one kind, or set "
            "ONEDNN_MAX_CPU_ISA=AVX2 for all of them"
        )


def seen(is_there: Callable[[], bool], longest: float) -> bool:
    """Wait for what another machine wrote, for so long (s)."""
    last = time.monotonic() + longest
    while not is_there():
        if time.monotonic() > last:
            return False
        time.sleep(LOOK)
    return True


def worker_name() -> str:
    """What to call this worker in messages."""
    from distributed import get_worker

    return f"worker {get_worker().address}"


def worker_threads(order: ModelOrder) -> int:
    """CPU threads of this worker."""
    from distributed import get_worker

    return order.threads or int(get_worker().state.nthreads)


def load_model_here(order: ModelOrder) -> Model:
    """Load a model, and make sure that it is the one that was ordered.

    Raises
    ------
    WorkerUnfit
        It is missing on this machine, or another one.
    """
    try:
        model = choose_model(None if has_own_model(order.quality) else order.model, order.quality)
    except NusegError as error:
        raise WorkerUnfit(f"{worker_name()}: {one_line(error)}") from error
    if model_fingerprint(model.config) != order.fingerprint:
        raise WorkerUnfit(
            f"{worker_name()}: model {order.model} is another one there; put the same model where all machines have it"
        )
    return model


@lru_cache(maxsize=2)
def _load(order: ModelOrder) -> Segmenter:
    model, threads = load_model_here(order), worker_threads(order)
    try:
        engine = load_engine(model, order.device, threads)
    except NusegError as error:
        raise WorkerUnfit(f"{worker_name()}: {one_line(error)}") from error
    # Tasks of one worker take turns with the network.
    return Segmenter(model, guard_engine(engine, Stop()), threads, order.quality, order.device, order.notes)


def loaded(order: ModelOrder) -> Segmenter:
    """Give the model with its engine, loaded once in this process; see `load_model_here`."""
    with loading:
        return _load(order)


def get_ready(order: Order, _job: Job) -> bool:
    """Look whether a worker can do what a run needs."""
    load_model_here(order.model)
    return True


def do_image(order: Order, job: Job) -> Record:
    """Segment a whole image and write its results."""
    at, begun = order.absolute(job), time.perf_counter()
    state = FileState.of(at.image)
    with loaded(order.model)(at.image, options=order.wanted.options) as result:
        row, kind = write(order, job, result)
    return Record(replace(row, seconds=time.perf_counter() - begun), kind, state, result.count_error)


def begin_slide(order: Order, job: Job) -> BegunSlide:
    """Settle what is to be done of a slide, and make the folder for its tiles."""
    at, begun = order.absolute(job), time.time()
    state = FileState.of(at.image)
    with open_source(at.image) as source:
        # A worker without a GPU can begin what others do: only of a CPU there is memory to be looked at.
        kind = kind_of(order.model.device)
        engine = loaded(order.model).engine if kind == "cpu" else None
        work = begin_source(source, load_model_here(order.model).config, order.wanted.options, engine)
        work = replace(work, arithmetic=work.arithmetic or kind)
        FolderCheckpoint(order.wanted.checkpoint(job), work.kept_settings)
        windows = tuple(map(len, windows_of(work.plan, range(len(work.plan.tiles)))))
        return BegunSlide(pickle.dumps(work), windows, state, begun)


def do_tiles(order: Order, job: Job, slide: BegunSlide, numbers: Sequence[int]) -> int:
    """Do those tiles of a range that are not done; gives the nuclei that were found within them."""
    parts = FolderCheckpoint(order.wanted.checkpoint(job))
    left = [number for number in numbers if not parts.has(TILE, number)]
    if not left:
        return 0
    segmenter, records = loaded(order.model), Records(order.wanted.folder)
    work: SourceWork = pickle.loads(slide.work)
    check_arithmetic(work.arithmetic, segmenter.engine)
    nuclei = 0
    with work.source, limited_threads(segmenter.threads) as cores:
        maps_of = work.maps_by(segmenter.engine)
        hands = choose_hands(cores, parts, len(left), segmenter.engine)
        hands.get_ready()
        with thread_pool(hands.workers) as workers, giving_back(maps_of):
            for count in run_tiles(work.plan, left, maps_of, parts, hands, workers):
                records.check()
                nuclei += count
    return nuclei


def write(order: Order, job: Job, result: Segmentation) -> tuple[Row, Kind]:
    """Write the results of an image, whose notes name it as it was given."""
    result.info = named(order, job, result.info)
    records = Records(order.wanted.folder)

    def look(_state: Progress) -> None:
        records.check()

    return write_result(result, order.absolute(job), order.wanted, look), result.info.kind


def named(order: Order, job: Job, info: ResultInfo) -> ResultInfo:
    """Name an image as it was given in the notes of its result."""
    return replace(info, notes=tuple(order.as_given(note, job) for note in info.notes))
