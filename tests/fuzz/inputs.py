"""Inputs made of a kind, a seed and a number: always the same file, so that a fault can be looked at again."""

import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from fuzz.kinds import Kind
from fuzz.mutators import mutate
from fuzz.samples import OUTPUT
from fuzz.verdict import escaped, fault_of, files_below
from fuzz.worker import Limits, Outcome, Worker

FIRST = Limits(seconds=120, waiting=300, memory=4000)  # of a sound file, with which all that is needed is loaded


@dataclass
class Report:
    """What became of the inputs of a kind: how many of each outcome, and each fault with what repeats it."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


class Inputs:
    """Changed files of a kind.

    Parameters
    ----------
    name : str
    kind : Kind
    place : Path
        A folder for the sound files, and the changed ones, of which those with a fault stay there.
    """

    def __init__(self, name: str, kind: Kind, place: Path) -> None:
        self.name, self.kind, self.place = name, kind, place
        self._sound = place / "sound"
        self._sound.mkdir(parents=True)
        self._given = kind.make(self._sound).relative_to(self._sound)
        changed = sorted(path for path in self._sound.glob(kind.changed) if path.is_file() and not _hidden(path))
        self._changed = [path.relative_to(self._sound) for path in changed]

    def write(self, seed: int, number: int) -> tuple[Path, str]:
        """Write an input; its folder, and what was changed in it."""
        random = Random(f"{self.name} {seed} {number}")
        root = self.place / f"{seed}-{number}"
        shutil.copytree(self._sound, root)
        changed = random.choice(self._changed)
        content, how = mutate(changed.name, (self._sound / changed).read_bytes(), random)
        (root / changed).write_bytes(content)
        if self.kind.mend is not None and random.random() < 0.5:
            self.kind.mend(root)
        return root, f"{changed.as_posix()}, {how}"

    def run(self, worker: Worker, seed: int, numbers: Iterable[int]) -> Report:
        """Try inputs, and remove those without a fault."""
        report = Report()
        for number in numbers:
            self._make_known(worker, self.kind.chosen(number))
            root, how = self.write(seed, number)
            kind, fault = self.judge(worker, root, number)
            report.counts[kind] += 1
            if fault is None:
                shutil.rmtree(root)
            else:
                report.faults.append(f"{self.name}, seed {seed}, input {number} ({how}) in {root}: {fault}")
        return report

    def judge(self, worker: Worker, root: Path, number: int) -> tuple[str, str | None]:
        """Go through the door with an input: the kind of the outcome, and the fault, if any."""
        before = files_below(root.parent)
        outcome = worker.run(self.kind.chosen(number), root / self._given, root)
        fault = fault_of(outcome, root, self.kind.lists)
        outside = escaped(root.parent, before, root / OUTPUT)
        if outside is not None:
            return "escaped", outside
        return ("message" if fault and outcome.kind == "refused" else outcome.kind), fault

    def _make_known(self, worker: Worker, door: object) -> None:
        """Let a new process read a sound file first: what it loads for that is not the doing of the changed one.

        Raises
        ------
        AssertionError
            The sound file is not read: all that follows would say nothing.
        """
        if worker.knows(f"{self.name} {door}"):
            return
        root = self.place / "known"
        shutil.copytree(self._sound, root)
        outcome: Outcome = worker.run(door, root / self._given, root, FIRST)  # type: ignore[arg-type]
        shutil.rmtree(root)
        expected = "read" if self.kind.reads else "refused"
        assert outcome.kind == expected, f"{self.name}: a sound file is not {expected}: {outcome}"


def _hidden(path: Path) -> bool:
    return path.name.startswith(".")
