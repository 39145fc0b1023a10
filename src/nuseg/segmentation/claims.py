"""Which process works at which image: so that two do not do the same, and none is forgotten when one dies."""

import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from nuseg.io.atomic import hidden_beside, readable_errors
from nuseg.io.documents import DocumentError, read_json
from nuseg.results.records import MARKER, Records
from nuseg.text import printable

BEAT = 30.0  # s between signs of life
SILENT = 10 * BEAT  # after this long without one, a process on another machine counts as dead


@dataclass(frozen=True)
class Claim:
    """That a process works at an image; it stays behind where the process dies.

    Attributes
    ----------
    image : str
        Absolute path.
    size, mtime_ns : int
        Of its file; of another file what happened says nothing.
    host, pid : str, int
        The process: see `machine`.
    deaths : int
        How many processes died before, each while it worked at this image.
    parts : int
        Tiles that were done before; more of them later mean that this process went on with its work.
    """

    image: str
    size: int
    mtime_ns: int
    host: str
    pid: int
    deaths: int = 0
    parts: int = 0


CLAIM = TypeAdapter(Claim)
held_here: set[Path] = set()  # claims of this process, also of other runs in it


class Claims:
    """The claims in a results folder; those of this process end with `release`.

    Parameters
    ----------
    records : Records
        Of the results folder.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._folder = records.folder.absolute() / MARKER / "running"
        self._held: set[Path] = set()
        self._beaten = 0.0

    def deaths(self, name: str, image: Path) -> int:
        """How many processes died, one after the other, while they worked at an image without getting on."""
        path = self._path(name)
        claim = read_claim(path)
        if claim is None or is_alive(claim, path):
            return 0
        if (claim.image, claim.size, claim.mtime_ns) != (printable(image.resolve()), *size_and_time(image)):
            return 0
        return claim.deaths + 1 if self._parts(name) <= claim.parts else 0

    def take(self, name: str, image: Path, deaths: int = 0) -> bool:
        """Claim an image for this process; False where another one, which lives, works at it.

        Raises
        ------
        NusegError
            The folder vanished, or cannot be written.
        """
        self._records.check()
        path = self._path(name)
        size, changed = size_and_time(image)
        claim = Claim(printable(image.resolve()), size, changed, machine(), os.getpid(), deaths, self._parts(name))
        with readable_errors(path):
            self._folder.mkdir(exist_ok=True)
            if path.exists() and not self._remove_dead(path):
                return False
            try:
                with path.open("x", encoding="utf-8") as file:
                    json.dump(asdict(claim), file)
            except FileExistsError:  # another process was faster
                return False
        self._held.add(path)
        held_here.add(path)
        return True

    def release(self, name: str) -> None:
        """Give an image back: it is done, or left for later."""
        self._give_back(self._path(name))

    def release_all(self) -> None:
        """Give all back."""
        for path in list(self._held):
            self._give_back(path)

    def last_sign(self, name: str) -> float | None:
        """When another machine's process that works at an image gave its last sign of life (s since 1970).

        None where none works at it, it counts as dead, or it can be asked here.
        """
        path = self._path(name)
        claim = read_claim(path)
        if claim is None or claim.host == machine() or not is_alive(claim, path):
            return None
        with suppress(OSError):
            return path.stat().st_mtime
        return None

    def beat(self) -> None:
        """Give a sign of life, now and then, for processes on other machines."""
        if time.monotonic() - self._beaten < BEAT:
            return
        self._beaten = time.monotonic()
        for path in list(self._held):
            with suppress(OSError):  # done in this moment
                os.utime(path)

    def _give_back(self, path: Path) -> None:
        self._held.discard(path)
        held_here.discard(path)
        with suppress(OSError):
            path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _parts(self, name: str) -> int:
        folder = self._records.folder / f"{name}.partial"
        return sum(1 for _ in folder.glob("*.npz")) if folder.is_dir() else 0

    def _remove_dead(self, path: Path) -> bool:
        """Remove the claim of a dead process; False where it lives, or another process removed it first."""
        if is_alive(read_claim(path), path):
            return False
        aside = hidden_beside(path)
        try:
            path.rename(aside)  # of several processes one succeeds
        except FileNotFoundError:
            return False
        aside.unlink(missing_ok=True)
        return True


def read_claim(path: Path) -> Claim | None:
    """Read a claim; None where there is none, or it is not whole."""
    try:
        return CLAIM.validate_python(read_json(path))
    except (DocumentError, ValidationError):
        return None


def is_alive(claim: Claim | None, path: Path) -> bool:
    """Whether the process of a claim lives: asked here, and on another machine judged by its signs of life."""
    try:
        silent = time.time() - path.stat().st_mtime
    except OSError:
        return False
    if claim is None:
        return silent < BEAT  # it is being written
    if claim.host == machine():
        if claim.pid == os.getpid():
            return path in held_here
        if not process_lives(claim.pid):
            return False
    return silent < SILENT


def until_dead(sign: float) -> float:
    """For how long a process on another machine still counts as alive after its last sign of life (s)."""
    return max(sign + SILENT - time.time(), 0.0)


@cache
def machine() -> str:
    """Where numbers of processes mean the same: a machine since it was started, or a container on it."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{socket.gethostname()} {boot} {Path('/proc/self/ns/pid').readlink()}"
    return socket.gethostname()


def process_lives(pid: int) -> bool:
    """Whether this machine has a process of a number."""
    if os.name == "nt":  # there a signal would end it
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    with suppress(OSError, IndexError):  # on Linux the number of one that ended stays until somebody waited for it
        facts = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return facts.rpartition(")")[2].split()[0] != "Z"
    return True


def size_and_time(image: Path) -> tuple[int, int]:
    """Size and time of change of a file; zeros where it cannot be looked at."""
    try:
        state = image.stat()
    except OSError:
        return 0, 0
    return state.st_size, state.st_mtime_ns
