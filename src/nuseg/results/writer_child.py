"""The process in which an output is written: an interpreter of its own, beside the one that finds the nuclei.

It takes nuclei from its standard input and answers on its standard output, both pickled, since both ends are nuseg.
`nuseg.results.writer_processes` talks to it.
"""

import pickle
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from nuseg.errors import NusegError
from nuseg.io.child_processes import begin_child
from nuseg.measure.outline import parted
from nuseg.results.batch import NucleiBatch
from nuseg.results.info import ResultInfo
from nuseg.results.output import Add
from nuseg.results.registry import outputs
from nuseg.types import Floats, Integers

if TYPE_CHECKING:
    from nuseg.results.segmentation import Segmentation


@dataclass(frozen=True, eq=False)
class Beginning:
    """What a result says of itself before its first nucleus.

    Nothing else is there: an output that wants more fails here, and is written where the whole result is.
    """

    info: ResultInfo


@dataclass(frozen=True, eq=False)
class FileTask:
    """A file to write: the output's name, where, and of what. Nuclei follow, part by part, then None."""

    output: str
    path: Path
    result: Beginning

    def open(self) -> AbstractContextManager[Add]:
        """Open it.

        Raises
        ------
        LookupError
            This process does not have the output.
        """
        if self.output not in outputs:
            raise LookupError(self.output)
        return outputs[self.output].opened(self.path, cast("Segmentation", self.result))


@dataclass(frozen=True, eq=False)
class NucleiPart:
    """A batch with its outlines in one piece: thousands of small arrays would take long to pickle.

    Attributes
    ----------
    table : pandas.DataFrame
    points : (m, 2) float64
        Of all outlines, one after the other.
    lengths : (n,) int64
        Points of each.
    """

    table: pd.DataFrame
    points: Floats
    lengths: Integers

    @classmethod
    def of(cls, batch: NucleiBatch) -> "NucleiPart":
        """Put the outlines of a batch together; it has one or more."""
        lengths = np.fromiter(map(len, batch.polygons), np.int64, len(batch))
        return cls(batch.table, np.concatenate(batch.polygons), lengths)

    def batch(self) -> NucleiBatch:
        """Take them apart again."""
        return NucleiBatch(self.table, parted(self.points, self.lengths))


@dataclass(frozen=True)
class Answer:
    """What became of what was asked: `refused` is the error that the user is told, `failed` any other one."""

    refused: str | None = None
    failed: bool = False


def main() -> None:
    """Write files until the standard input ends; each thing that comes is answered before the next is taken."""
    answers = begin_child()

    def answer(text: Answer) -> None:
        pickle.dump(text, answers)
        answers.flush()

    while True:
        try:
            task: FileTask = pickle.load(sys.stdin.buffer)
            with task.open() as add:
                answer(Answer())
                while (part := pickle.load(sys.stdin.buffer)) is not None:
                    add(part.batch())
                    answer(Answer())
        except EOFError:  # nobody asks any more
            return
        except NusegError as error:
            answer(Answer(refused=str(error)))
        except Exception:
            answer(Answer(failed=True))
        else:
            answer(Answer())
