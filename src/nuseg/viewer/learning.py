"""Training on corrections, in a process of its own beside the server: planned, started, stopped, looked at.

All of it lies in the folder of results, in `learning/N/`: the dataset, the run, the scores of the old and the new model
on the regions that were held out, and the log."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from typing import IO, Any, Literal

from filelock import FileLock, Timeout

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path, readable_errors
from nuseg.io.documents import DocumentError, read_json, read_table
from nuseg.text import printable
from nuseg.viewer.learning_plan import PLAN, Plan, TrainingSettings, read_plan

FOLDER = "learning"
STEP, COMPARED, LOG = "step.json", "compared.json", "log.txt"
NEEDED = 3
"""Finished regions: one to learn from, one to choose the epoch by, one to compare on."""
LOG_LINES, LOG_BYTES = 40, 20_000
GRACE = 20.0  # s for a training that was asked to end
CURVES = {"loss": "train/loss", "aji": "validation/aji", "dice": "validation/dice"}
State = Literal["none", "running", "done", "failed", "stopped"]


@dataclass
class Learning:
    """The trainings of one folder of results.

    Attributes
    ----------
    home : Path
    """

    home: Path
    _process: "subprocess.Popen[bytes] | None" = None
    _guard: Lock = field(default_factory=Lock)

    @property
    def place(self) -> Path:
        """The folder of all trainings."""
        return self.home / FOLDER

    def start(self, model: str, images: str | None, by_region: bool, settings: TrainingSettings) -> None:
        """Begin a training in the background; it ends with this process.

        Raises
        ------
        NusegError
            One is running, or the folder cannot be written.
        """
        with self._guard:
            if self.is_running():
                raise NusegError(f"{self.place}: a training is running; stop it, or wait for its end")
            folder = self._new_folder()
            plan = self.plan(model, images, by_region, settings, folder)
            with readable_errors(folder):
                (folder / PLAN).write_text(plan.model_dump_json(indent=1) + "\n", encoding="utf-8")
                with (folder / LOG).open("wb") as log:
                    self._process = launch(folder, log)

    def plan(
        self, model: str, images: str | None, by_region: bool, settings: TrainingSettings, folder: Path | None = None
    ) -> Plan:
        """Make the plan of a training in `folder`; by default the first one."""
        return Plan(
            home=str(self.home),
            folder=str(folder or self.place / "1"),
            model=model,
            images=images,
            by_region=by_region,
            settings=settings,
        )

    def stop(self) -> None:
        """End the training; what it made so far stays.

        Raises
        ------
        NusegError
            None is running, or another server started it.
        """
        with self._guard:
            process = self._process
            if process is None or process.poll() is not None:
                where = "another server runs it: stop it there" if self.is_running() else "no training is running"
                raise NusegError(f"{self.place}: {where}")
            Thread(target=end, args=(process,), daemon=True).start()

    def is_running(self) -> bool:
        """Whether a training is running, of this server or of another one."""
        if self._process is not None and self._process.poll() is None:
            return True
        if not (self.place / LOCK).is_file():
            return False
        try:
            with held(self.place, patience=0):
                return False
        except NusegError:
            return True
        except OSError:  # it may not be written, so nobody trains there
            return False

    def wait(self, seconds: float) -> None:
        """Wait for the end of a training that this server started."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)

    def status(self) -> dict[str, Any]:
        """Say how far the last training is, as the page shows it."""
        folder = self._last_folder()
        if folder is None:
            return {"state": "none", "step": "", "message": "", "command": "", "commands": [], "epoch": 0, "epochs": 0,
                    "curves": {}, "log": [], "compared": None, "model": None}  # fmt: skip
        running = self.is_running()  # before the step is read, which comes last
        plan, step = _plan(folder), _object(folder / STEP)
        curves = _curves(folder / "run" / "log.csv")
        model = folder / "run"
        has_model = (model / "model" / "model.json").is_file()
        commands = [] if plan is None else plan.commands()
        return {
            "state": _state(running, step.get("step")),
            "step": step.get("step", "starting"),
            "message": step.get("message", ""),
            "command": "\n".join(commands),
            "commands": commands,
            "epoch": len(curves["epoch"]),
            "epochs": 0 if plan is None else plan.settings.epochs,
            "curves": {name: values for name, values in curves.items() if name != "epoch"},
            "log": _tail(folder / LOG),
            "compared": _object(folder / COMPARED) or None,
            "model": str(model) if has_model else None,
        }

    def compared_model(self) -> Path:
        """The model of the last training, which was compared with the old one.

        Raises
        ------
        NusegError
            There is none.
        """
        status = self.status()
        if status["model"] is None or status["compared"] is None or status["state"] == "running":
            raise NusegError(f"{self.place}: no new model that was compared with the old one; train first")
        return Path(status["model"])

    def _new_folder(self) -> Path:
        last = self._last_folder()
        number = 1 if last is None else int(last.name) + 1
        with readable_errors(self.place):
            while True:
                folder = self.place / str(number)
                try:
                    folder.mkdir(parents=True)
                    return folder
                except FileExistsError:
                    number += 1

    def _last_folder(self) -> Path | None:
        if not self.place.is_dir() or not self.place.resolve().is_relative_to(self.home.resolve()):
            return None
        numbers = [int(one.name) for one in self.place.iterdir() if _is_number(one.name) and (one / PLAN).is_file()]
        return self.place / str(max(numbers)) if numbers else None


LOCK = ".lock"


@contextmanager
def held(place: Path, patience: float) -> Iterator[None]:
    """Hold the folder of trainings, so that one runs at a time; the system lets it go when the process dies.

    Raises
    ------
    NusegError
        It is held by another process for longer than `patience` (s).
    """
    try:
        with FileLock(place / LOCK, timeout=patience):
            yield
    except Timeout as error:
        raise NusegError(f"{place}: a training is running there; stop it, or wait for its end") from error


def launch(folder: Path, log: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start the process of a training; it ends when its standard input does, which is when this process ends."""
    words = [sys.executable, "-m", "nuseg.viewer.learning_job", str(folder)]
    apart: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {}  # Ctrl-C is for the server
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, **apart)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a training in an orderly way; at once where that takes too long."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()


def write_object(path: Path, content: dict[str, Any]) -> None:
    """Write a small file of JSON, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _plan(folder: Path) -> Plan | None:
    try:
        return read_plan(folder)
    except NusegError:
        return None


def _state(running: bool, step: object) -> State:
    if running:
        return "running"
    match step:
        case "done":
            return "done"
        case "failed":
            return "failed"
    return "stopped"


def _object(path: Path) -> dict[str, Any]:
    try:
        found = read_json(path)
    except DocumentError:
        return {}
    return found if isinstance(found, dict) else {}


def _curves(path: Path) -> dict[str, list[float | None]]:
    """Read the log of epochs: one value each, None where there is none."""
    try:
        columns, rows = read_table(path)
        values = [dict(zip(columns, row, strict=True)) for row in rows]
        wanted = {"epoch": "epoch", **CURVES}
        return {name: [float(one[column]) if one.get(column) else None for one in values]
                for name, column in wanted.items() if column in columns or name == "epoch"}  # fmt: skip
    except ValueError:  # not there yet, or no numbers
        return {"epoch": []}


def _tail(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOG_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    lines = [printable(line.rsplit("\r", 1)[-1]) for line in text.rstrip().split("\n")]
    return [line for line in lines if line][-LOG_LINES:]


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) < 10 and not name.startswith("0")
