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
from fuzz.worker import Door, Limits, Worker

FIRST = Limits(seconds=120, waiting=300, memory=4000)  # of a sound file, with which all that is needed is loaded


@dataclass
class Report:
    """What became of the inputs of a kind: how many of each outcome, and each fault with what repeats it."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


class Inputs:
    """Changed files of a kind, one after the other at the same place, since files may name where they are.

    Parameters
    ----------
    name : str
    kind : Kind
    place : Path
        An empty folder; inputs with a fault are kept in it.
    """

    def __init__(self, name: str, kind: Kind, place: Path) -> None:
        self.name, self.kind, self.place = name, kind, place
        self.root, self._sound = place / "input", place / "sound"
        self.root.mkdir(parents=True)
        self._given = kind.make(self.root)
        changed = sorted(path for path in self.root.glob(kind.changed) if path.is_file())
        self._changed = [path.relative_to(self.root) for path in changed]
        self.root.rename(self._sound)

    def write(self, seed: int, number: int) -> str:
        """Write an input; what was changed in it."""
        random = Random(f"{self.name} {seed} {number}")
        self._copy_sound()
        changed = random.choice(self._changed)
        content, how = mutate(changed.name, (self._sound / changed).read_bytes(), random)
        (self.root / changed).write_bytes(content)
        if self.kind.mend is not None and random.random() < 0.5:
            self.kind.mend(self.root)
        return f"{changed.as_posix()}, {how}"

    def run(self, worker: Worker, seed: int, numbers: Iterable[int]) -> Report:
        """Try inputs, and keep those with a fault."""
        report = Report()
        for number in numbers:
            door = self.kind.chosen(number)
            if not worker.knows(f"{self.name} {door}"):
                self._read_sound(worker, door)
            how = self.write(seed, number)
            kind, fault = self.judge(worker, door)
            report.counts[kind] += 1
            if fault is not None:
                kept = self.root.rename(self.place / f"{seed}-{number}")
                report.faults.append(f"{self.name}, seed {seed}, input {number} ({how}), kept in {kept}: {fault}")
        return report

    def judge(self, worker: Worker, door: Door) -> tuple[str, str | None]:
        """Go through a door with the input: the kind of the outcome, and the fault, if any."""
        before = files_below(self.place)
        outcome = worker.run(door, self._given, self.root)
        fault = fault_of(outcome, self.root, self.kind.lists)
        outside = escaped(self.place, before, self.root / OUTPUT)
        if outside is not None:
            return "escaped", outside
        return ("message" if fault and outcome.kind == "refused" else outcome.kind), fault

    def _copy_sound(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self._sound, self.root)

    def _read_sound(self, worker: Worker, door: Door) -> None:
        """Let a new process read a sound file first: what it loads for that is not the doing of the changed one.

        Raises
        ------
        AssertionError
            The sound file is not read: all that follows would say nothing.
        """
        self._copy_sound()
        outcome = worker.run(door, self._given, self.root, FIRST)
        expected = "read" if self.kind.reads else "refused"
        assert outcome.kind == expected, f"{self.name}: a sound file is not {expected}: {outcome}"
