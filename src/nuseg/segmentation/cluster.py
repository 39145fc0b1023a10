"""The images of a folder on the workers of a Dask cluster: on this machine, or on many that share the folder."""

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from threading import Lock
from typing import TYPE_CHECKING, Any

from nuseg.engines.devices import kind_of
from nuseg.engines.threads import available_cores
from nuseg.errors import NusegError
from nuseg.io.atomic import readable_errors
from nuseg.io.reader import Kind
from nuseg.progress import Progress, ProgressCallback
from nuseg.results.output import require_packages
from nuseg.results.records import MARKER, FolderLost, Record, Records
from nuseg.results.summary import Row
from nuseg.segmentation import cluster_tasks as tasks
from nuseg.segmentation.cluster_finish import Reach, finish_slide
from nuseg.segmentation.cluster_tasks import GONE, BegunSlide, ModelOrder, Order, RunEnds, RunFailed
from nuseg.segmentation.jobs import Job, identity
from nuseg.segmentation.one_image import Keep, Wanted, error_line
from nuseg.segmentation.stopping import Stop, Stopped
from nuseg.text import in_short, printable, shortened

if TYPE_CHECKING:
    from distributed import Client, Future

RANGE = 8  # tiles of one task, at most: what a worker reads for one is of use for the next
RANGES_PER_THREAD = 4  # of a small slide, so that no worker waits long for the last one
RETRIES = 2  # of a task that failed for a reason that may pass
AHEAD, LEAST, MOST = 2, 8, 256  # images in work for each thread of the workers; of all at least, at most
Say = Callable[[str], None]
Finish = Callable[[], Any]
LOOK = 1.0  # s between two looks whether the run shall stop
LOCAL = "local:"
MOST_PROCESSES = 1024
CONNECT = 15  # s
# A process that is just starting anew when this time is over since it died would be given up for good.
NEVER_LOST = {"distributed.deploy.lost-worker-timeout": "1000 days"}
GPU = "GPU"  # resource of the workers that have one
FIRST = 10  # priority


class OnCluster:
    """Images are done by the workers of a cluster; see `nuseg.segmentation.one_image.Way`.

    Parameters
    ----------
    client : distributed.Client
    order : Order
        What every task knows.
    stop : Stop
        Ends the work of the run.
    """

    elsewhere = True

    def __init__(self, client: "Client", order: Order, stop: Stop) -> None:
        self.client, self.order, self._stop = client, order, stop
        self.wanted = order.wanted
        self.threads = sum(client.nthreads().values()) or 1
        self.at_once = min(max(AHEAD * self.threads, LEAST), MOST)
        self._gpus = kind_of(order.model.device) == "cuda" and has_gpus(client)
        self._total, self._counting = Progress("tiles of all slides", 0, 0), Lock()

    def __call__(self, job: Job, kind: Kind, tell: ProgressCallback, look: ProgressCallback, keep: Keep) -> Row:
        """Have an image done; see `Way`."""
        return keep(self._done(job, kind, tell))

    def _done(self, job: Job, kind: Kind, tell: ProgressCallback) -> Record:
        try:
            if kind == "slide":
                return self._slide(job, tell)
            found = self._result(self._submit(tasks.do_image, job))
            return checked(found)
        except (RunEnds, FolderLost, Stopped, KeyboardInterrupt):
            raise
        except Exception as error:
            return Record(Row(job.name, identity(job.image), error=self._problem(error, job)))

    def check(self) -> None:
        """Have one worker look whether it can do what the run needs; waits for the first worker."""
        found = self._result(self._submit(tasks.get_ready, Job(Path(), "check")))
        if found is not True:
            checked(found)

    def _slide(self, job: Job, tell: ProgressCallback) -> Record:
        """Have a slide begun, its tiles done range by range, and finished beside them."""
        begun = self._submit(tasks.begin_slide, job)
        slide = self._result(begun)
        if not isinstance(slide, BegunSlide):
            return checked(slide)
        self._count(tell, total=slide.tiles)
        ranges = {
            self._submit(tasks.do_tiles, job, begun, numbers): numbers
            for numbers in ranges_of(slide.windows, self.threads)
        }
        with self._finishing(job, begun) as (done, end):
            for future, nuclei in self._results(list(ranges)):
                if not isinstance(nuclei, int):
                    return checked(nuclei)
                done(ranges[future])
                self._count(tell, len(ranges[future]), nuclei)
            record = checked(end())
        if not record.row.error:
            rmtree(self.wanted.checkpoint(job), ignore_errors=True)
        return record

    @contextmanager
    def _finishing(self, job: Job, begun: "Future[Any]") -> "Iterator[tuple[Callable[[range], None], Finish]]":
        """Have a worker go after the tiles of a slide, from the first on that are done.

        Yields
        ------
        done : function
            To be told of tiles that are done.
        end : function
            Waits for the end of the slide, once all are.
        """
        from distributed import KilledWorker

        following: list[Future[Any]] = []

        def follow() -> None:
            following.append(self._submit(finish_slide, job, begun, reach.name))

        def done(numbers: range) -> None:
            reach.add(numbers)
            if not following:
                follow()

        def end() -> Any:
            try:
                if following:
                    return self._result(following[-1])
            except KilledWorker:  # beside so many tiles that it need not be its own fault
                pass
            follow()
            return self._result(following[-1])

        with Reach(self.client) as reach:
            try:
                yield done, end
            finally:
                with suppress(Exception):  # the cluster may be gone
                    self.client.cancel(following)

    def _submit(self, task: Callable[..., Any], job: Job, *given: Any) -> "Future[Any]":
        """Hand a task to the cluster: the network's to workers with a GPU where it runs on one."""
        on_gpu = self._gpus and task in (tasks.do_image, tasks.do_tiles)
        return self.client.submit(
            tasks.attempt,
            task,
            self.order,
            job,
            *given,
            key=(f"nuseg-{task.__name__}", job.name, secrets.token_hex(6)),
            retries=RETRIES,
            priority=0 if task is tasks.do_tiles else FIRST,  # what is begun or nearly done goes first
            resources={GPU: 1} if on_gpu else None,
            pure=False,
        )

    def _result(self, future: "Future[Any]") -> Any:
        return next(self._results([future]))[1]

    def _results(self, futures: "Sequence[Future[Any]]") -> "Iterator[tuple[Future[Any], Any]]":
        """Give futures and their results as they end; what is left is not done after a stop, or an error of one."""
        from distributed import wait

        left = set(futures)
        try:
            while left:
                if self._stop.asked:
                    raise Stopped
                with suppress(TimeoutError):
                    for future in wait(left, timeout=LOOK, return_when="FIRST_COMPLETED").done:
                        left.discard(future)
                        yield future, future.result()
        finally:
            if left:
                with suppress(Exception):  # the cluster may be gone
                    self.client.cancel(list(left))

    def _count(self, tell: ProgressCallback, done: int = 0, nuclei: int = 0, total: int = 0) -> None:
        with self._counting:
            was = self._total
            self._total = Progress(was.task, was.done + done, was.total + total, was.nuclei + nuclei)
            state = self._total
        tell(state)

    def _problem(self, error: Exception, job: Job) -> str:
        """Say why an image could not be done, though it was tried again; what is wrong with the cluster is raised."""
        from concurrent.futures import CancelledError

        from distributed import KilledWorker
        from distributed.client import FutureCancelledError

        if isinstance(error, CancelledError | FutureCancelledError):
            if self._stop.asked:
                raise Stopped from error
            raise RunEnds(GONE) from error
        if isinstance(error, KilledWorker):
            return (
                f"{printable(job.image)}: {error.allowed_failures + 1} workers died, one after the other, while they "
                "worked at this image (a damaged file, or not enough memory): left out; give its workers more memory"
            )
        if isinstance(error, ModuleNotFoundError) and error.name:
            raise RunEnds(f"a worker cannot import {error.name}: install the same nuseg on all machines") from error
        return error_line(error, job.image)


def checked(found: Any) -> Record:
    """Give the record that a task gave.

    Raises
    ------
    RunEnds, FolderLost
        It gave a reason why no image can be done.
    """
    if isinstance(found, RunFailed):
        raise FolderLost(found.text) if found.lost else RunEnds(found.text)
    assert isinstance(found, Record)
    return found


def ranges_of(windows: Sequence[int], threads: int) -> list[range]:
    """Cut the tiles of a slide into ranges, so many that all threads of a cluster have some.

    `windows` says how many tiles share each window: these stay together.
    """
    size = min(max(sum(windows) // (RANGES_PER_THREAD * threads), 1), RANGE)
    ranges, start, stop = [], 0, 0
    for tiles in windows:
        if stop > start and stop + tiles - start > size:
            ranges.append(range(start, stop))
            start = stop
        stop += tiles
    return [*ranges, range(start, stop)] if stop else []


@contextmanager
def on_cluster(client: "Client", wanted: Wanted, model: ModelOrder, stop: Stop, said: Say) -> Iterator[OnCluster]:
    """Make the workers of a cluster do images, once it is clear that they can.

    Parameters
    ----------
    client : distributed.Client
    wanted : Wanted
        What is made of each image.
    model : ModelOrder
    stop : Stop
        Ends the work of the run.
    said : function
        Called with what the user should know.

    Raises
    ------
    NusegError
        The workers have another nuseg or model, or do not see the folder.
    """
    if getattr(client, "asynchronous", False):
        raise NusegError("client=: expected a client that waits for results, found one with asynchronous=True")
    folder = wanted.folder.absolute()
    Records(folder).begin()
    token = Path(MARKER) / f"cluster-{secrets.token_hex(6)}"
    order = Order(replace(wanted, folder=folder), model, Path.cwd(), str(token), version("nuseg"))
    with readable_errors(folder / token):
        (folder / token).touch()
    try:
        if not client.nthreads():
            said("note: the cluster has no worker yet: waiting for one")
        OnCluster(client, order, stop).check()
        chosen = replace(model, device=choose_device(client, model.device))
        yield OnCluster(client, replace(order, model=chosen), stop)
    finally:
        (folder / token).unlink(missing_ok=True)


@contextmanager
def connect(address: str, threads: int | None = None) -> "Iterator[tuple[Client, int | None]]":
    """Connect to a cluster, or start one of processes on this machine.

    Parameters
    ----------
    address : str
        Of a scheduler ("tcp://host:8786"), the file that it wrote (`dask scheduler --scheduler-file`), or "local:N"
        for N processes.
    threads : int, optional
        CPU threads: of all processes on this machine together, of each worker elsewhere.

    Yields
    ------
    client : distributed.Client
    threads : int, optional
        CPU threads of a worker.

    Raises
    ------
    NusegError
        Dask is not installed, or no scheduler answers.
    """
    require_packages("cluster=", ("distributed",), "cluster")
    import dask
    from distributed import Client, LocalCluster

    if not address.startswith(LOCAL):
        file = Path(address)
        with reachable(address):
            client = Client(scheduler_file=address) if file.is_file() else Client(address, timeout=CONNECT)
        with client:
            yield client, threads
        return
    count = process_count(address)
    # Memory is flat, so nothing is gained by ending a worker.
    with (
        dask.config.set(NEVER_LOST),
        LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            memory_limit=0,
            dashboard_address="127.0.0.1:0",  # any port that is free, for nobody else
            silence_logs=logging.CRITICAL,
            preload=["nuseg.segmentation.cluster_worker"],
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client, max(1, (threads or available_cores()) // count)


def process_count(address: str) -> int:
    """How many processes "local:N" asks for."""
    number = address.removeprefix(LOCAL)
    if not (number.isascii() and number.isdigit() and 0 < int(number[:6]) <= MOST_PROCESSES):
        raise NusegError(
            f"cluster='{shortened(address)}': expected local: and a number of processes from 1 to {MOST_PROCESSES}, or "
            "the address of a scheduler"
        )
    return int(number)


@contextmanager
def reachable(address: str) -> Iterator[None]:
    """Say in one line that no scheduler answers."""
    try:
        yield
    except (OSError, ValueError, TypeError) as error:  # no answer, no address
        raise NusegError(
            f"cluster='{shortened(address)}': no scheduler answers there ({in_short(error)}); start one by `dask "
            "scheduler`, or give local: and a number of processes"
        ) from error


def has_gpus(client: "Client") -> bool:
    """Whether a worker says that it has a GPU (`dask worker --resources GPU=1`)."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return any(worker.get("resources", {}).get(GPU) for worker in workers)


def choose_device(client: "Client", device: str) -> str:
    """Say what "auto" is on a cluster, one device for all workers: CUDA where some say that they have a GPU."""
    if device != "auto":
        return device
    return "cuda" if has_gpus(client) else "cpu"
