"""Adding to a journal: one line per correction, on the disk before it is said to be done.

Several windows and several servers may write: a correction is kept only if it was made of the newest state, which is
looked at again under a lock."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from filelock import FileLock, Timeout

from nuseg.annotations.corrections.entries import Base, Entry, Header
from nuseg.annotations.corrections.history import History
from nuseg.annotations.corrections.journal import FOLDER, Journal, journal_path, read_journal
from nuseg.errors import NusegError

PATIENCE = 10.0  # s for the lock, which is held for a write only


class ChangedError(Exception):
    """The corrections are newer than those that a correction was made of; `version` is the newest."""

    def __init__(self, version: int) -> None:
        super().__init__("the corrections were changed in another window meanwhile; look at them, and do it again")
        self.version = version


class NotWritableError(NusegError):
    """Corrections cannot be kept where the results are."""


class KeptCorrections:
    """The corrections of one image, for several threads.

    Parameters
    ----------
    home : Path
        Folder of results.
    name : str
        Of the image there.
    """

    def __init__(self, home: Path, name: str) -> None:
        self._home, self._name = home, name
        self._journal: Journal | None = None
        self._file: tuple[int, int] | None = None
        self._guard = Lock()

    @property
    def path(self) -> Path:
        """The journal; looked at anew each time, since a link may have taken its place."""
        return journal_path(self._home, self._name)

    def read(self) -> Journal | None:
        """Read what is new; None where nothing was corrected yet.

        Raises
        ------
        NusegError
            The journal is damaged.
        """
        with self._guard:
            return self._read()

    @contextmanager
    def history(self, count: int) -> Iterator[History]:
        """Give what was corrected; nobody changes it in the block. `count` is the number of nuclei."""
        with self._guard:
            journal = self._read()
            yield History(count) if journal is None else journal.history

    def add(self, base: Base, version: int, make: Callable[[History], Entry]) -> None:
        """Add a correction.

        Parameters
        ----------
        base : Base
            The nuclei, for a new journal.
        version : int
            What the correction was made of.
        make : function
            Makes the entry of the history.

        Raises
        ------
        ChangedError
            There is a newer version; nothing was written.
        NotWritableError
            The folder cannot be written.
        ValueError
            `make` refuses, or the entry does not follow; nothing was written.
        """
        with self._guard, self._locked():
            journal = self._read()
            history = History(base.nuclei) if journal is None else journal.history
            if history.version != version:
                raise ChangedError(history.version)
            entry = make(history)
            history.take(entry)
            try:
                self._append(journal, base, entry)
            except BaseException:
                self._journal = None  # what it holds may not be on the disk
                raise

    def _read(self) -> Journal | None:
        try:
            state = self.path.stat()
        except OSError:
            self._journal = None
            return None
        file = (state.st_dev, state.st_ino)
        try:
            if self._journal is None or file != self._file or state.st_size < self._journal.size:
                self._journal = read_journal(self.path)
            elif state.st_size > self._journal.size:
                self._journal.read_on()
        except NusegError:
            self._journal = None
            raise
        self._file = file
        return self._journal

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = FileLock(self.path.with_name(f".{self.path.name}.lock"), timeout=PATIENCE)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout as error:
            raise NusegError(
                f"{self.path}: another program has held it for {PATIENCE:.0f} s; end it, try again"
            ) from error
        except (OSError, NotImplementedError) as error:
            raise NotWritableError(why_not_writable(self.path, error)) from error
        try:
            yield
        finally:
            lock.release()

    def _append(self, journal: Journal | None, base: Base, entry: Entry) -> None:
        """Write whole lines at the end of the last whole line, so that half of one is written over."""
        lines = [] if journal is not None else [Header(image=self._name, base=base).model_dump_json()]
        lines.append(entry.model_dump_json(by_alias=True, exclude_none=False))
        content = "".join(f"{line}\n" for line in lines).encode()
        start = 0 if journal is None else journal.size
        try:
            with self.path.open("r+b" if self.path.exists() else "w+b") as file:
                file.truncate(start)
                file.seek(start)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if journal is None:
                sync_folder(self.path.parent)
                self._journal = None
            else:
                journal.size = start + len(content)
        except OSError as error:
            raise NotWritableError(why_not_writable(self.path, error)) from error


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def why_not_writable(path: Path, error: Exception) -> str:
    """Say in one line that corrections cannot be kept."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return (
        f"{path}: corrections cannot be kept ({reason}); give the folder write permission, or copy the results to "
        "another place and open them there"
    )


def is_writable(home: Path) -> bool:
    """Whether corrections can be kept in a folder of results, as far as permissions say."""
    folder = home / FOLDER
    return os.access(folder if folder.exists() else home, os.W_OK | os.X_OK)
