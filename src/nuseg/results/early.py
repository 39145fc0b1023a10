"""Outputs of a slide that are written while its nuclei are still being found.

They lie beside what is kept of the slide, and move to their places when its result is saved. What they say of the
slide at their beginning may turn out wrong: a damaged part is met late. Then they are dropped, and written as usual; so
is a file whose process ended.
"""

import shutil
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nuseg.progress import Progress, ProgressCallback
from nuseg.results.areas import assigned
from nuseg.results.batch import NucleiBatch, Regrouper
from nuseg.results.registry import choose_outputs, outputs
from nuseg.results.statistics import Statistics
from nuseg.results.writer_processes import FilesApart

if TYPE_CHECKING:
    from nuseg.results.segmentation import Segmentation

ROWS = 16384  # nuclei held at once, and in a row group: some 30 MB


@dataclass(frozen=True, eq=False)
class EarlyOutputs:
    """What to write of a slide while its nuclei are being found.

    Attributes
    ----------
    folder : Path
        Where the files lie until the result is saved, on the file system of the results; is emptied.
    outputs : sequence of str, optional
        As of `Segmentation.save`; those that can be written early are.
    name : str
        Of the files.
    look : function, optional
        Called after each part; what it raises ends the work.
    """

    folder: Path
    outputs: Sequence[str] | None
    name: str
    look: ProgressCallback | None = None


class Dropped(Exception):
    """Files are given up for a reason that is not theirs."""


class EarlyFiles:
    """The files of `EarlyOutputs`: a context manager, in which nuclei are added; they are whole when it ends well.

    Attributes
    ----------
    statistics : Statistics
        Of the nuclei.
    """

    def __init__(self, wanted: EarlyOutputs, result: "Segmentation", apart: bool = False) -> None:
        """Open the files of a result whose nuclei are still to come; `apart`: each is written by a process of its own.

        The bytes are the same.
        """
        self._wanted, self._about, self._areas = wanted, result.info.about(), result.info.annotations
        self.statistics: Statistics = result.begin_statistics()
        self._cut, self._parts = Regrouper(ROWS), 0
        self._own: BaseException | None = None  # what went wrong with a file
        shutil.rmtree(wanted.folder, ignore_errors=True)
        chosen = [output for output in choose_outputs(wanted.outputs, result.info.kind) if output.beside]
        self._paths = {output.name: output.path(wanted.folder, wanted.name) for output in chosen}
        elsewhere = {name: path for name, path in self._paths.items() if apart and outputs.found_anywhere(name)}
        with ExitStack() as stack:
            self._apart = stack.enter_context(FilesApart(elsewhere, result.info))
            here = [output for output in chosen if output.name not in self._apart.files]
            self._adds = [stack.enter_context(output.opened(self._paths[output.name], result)) for output in here]
            self._files = stack.pop_all()

    def add(self, batch: NucleiBatch) -> None:
        """Add nuclei, in the order of their ids."""
        for part in self._cut.add(assigned(batch, self._areas)):
            self._write(part)

    def _write(self, batch: NucleiBatch) -> None:
        self.statistics.add(batch)
        try:
            for add in (self._apart.add, *self._adds):
                add(batch)
        except BaseException as error:
            self._own = error
            raise
        self._parts += 1
        if self._wanted.look is not None:
            self._wanted.look(Progress(f"write {self._wanted.name}", self._parts, self._parts))

    def __enter__(self) -> "EarlyFiles":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if error is not None and error is not self._own:
            with suppress(Dropped), self._files:
                raise Dropped  # a file would take an error of the system, wherever it comes from, for its own
            return
        if error is not None:
            self._files.__exit__(kind, error, trace)
            return
        with self._files:
            for part in self._cut.rest():
                self._write(part)

    def fitting(self, result: "Segmentation", name: str) -> dict[str, Path]:
        """Give the files by the names of their outputs, where they hold what the result says of itself."""
        if (result.info.about(), name) != (self._about, self._wanted.name):
            return {}
        return {output: path for output, path in self._paths.items() if output not in self._apart.lost}
