"""The harness itself: it finds what it is there to find."""

import io
import pickle
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from fuzz import bad_doors
from fuzz.inputs import FIRST, Inputs
from fuzz.kinds import KINDS, Kind
from fuzz.mutators import FAMILIES, code, mutate
from fuzz.mutators.numbers import ESCAPED
from fuzz.verdict import LONGEST
from fuzz.worker import Limits, Worker

TIGHT = Limits(seconds=0.5, waiting=3.0, memory=100)


def one_file(folder: Path) -> Path:
    (folder / "in").mkdir()
    (folder / "in" / "a.txt").write_text("text")
    return folder / "in" / "a.txt"


@pytest.fixture(scope="module")
def tight() -> Iterator[Worker]:
    with Worker(TIGHT) as worker:
        worker.run(bad_doors.read, Path(__file__), Path.cwd(), FIRST)  # what it loads for that takes time
        yield worker


@pytest.mark.parametrize(
    ("door", "outcome", "fault"),
    [
        (bad_doors.read, "read", None),
        (bad_doors.write_inside, "read", None),
        (bad_doors.refuse, "refused", None),
        (bad_doors.refuse_without_name, "message", "does not name the file"),
        (bad_doors.refuse_at_length, "message", f"{LONGEST + 23:,} characters"),
        (bad_doors.refuse_in_lines, "message", "2 lines"),
        (bad_doors.refuse_in_colour, "message", "control characters"),
        (bad_doors.stumble, "raised", "KeyError: 'key' (bad_doors.py"),
        (bad_doors.leave, "raised", "SystemExit"),
        (bad_doors.die, "died", "exit code"),
        (bad_doors.compute, "hung", "hung"),
        (bad_doors.wait, "hung", "hung"),
        (bad_doors.hoard, "memory", "memory"),
        (bad_doors.write_outside, "escaped", "in/escaped"),
    ],
)
def test_every_fault_is_found(door, outcome: str, fault: str | None, tight: Worker, tmp_path: Path) -> None:
    inputs = Inputs("text", Kind(one_file, door), tmp_path)
    inputs.write(0, 0)
    found, said = inputs.judge(tight, door)
    assert found == outcome
    assert (said is None) == (fault is None)
    assert (fault or "") in (said or "")


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is known on Linux alone")
def test_a_peak_of_memory_counts(tight: Worker, tmp_path: Path) -> None:
    assert tight.run(bad_doors.take_and_give_back, tmp_path, tmp_path).kind == "memory"
    assert tight.run(bad_doors.read, one_file(tmp_path), tmp_path).memory < TIGHT.memory


def test_a_process_that_ended_is_started_anew(tight: Worker, tmp_path: Path) -> None:
    path = one_file(tmp_path)
    doors = bad_doors.die, bad_doors.read, bad_doors.compute, bad_doors.read
    kinds = [tight.run(door, path, tmp_path).kind for door in doors]
    assert kinds == ["died", "read", "hung", "read"]


def test_a_sound_file_that_is_not_read_is_an_error(worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="a sound file is not read"):
        Inputs("text", Kind(one_file, bad_doors.refuse), tmp_path).run(worker, 0, range(1))


def test_the_same_seed_and_number_give_the_same_file(tmp_path: Path) -> None:
    made = []
    for place in ("one", "other"):
        inputs = Inputs("JPEG", KINDS["JPEG"], tmp_path / place)
        contents = []
        for number in range(20):
            inputs.write(3, number)
            contents.append((inputs.root / "in" / "a.jpg").read_bytes())
        made.append(contents)
    assert made[0] == made[1]
    assert len(set(made[0])) > 15


def test_code_in_a_checkpoint_would_be_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "a.ckpt", "w") as made:
        made.writestr("archive/data.pkl", pickle.dumps({}))
    changed = code.checkpoint((tmp_path / "a.ckpt").read_bytes(), Random(1))
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile(io.BytesIO(changed)) as held:
        pickle.loads(held.read("archive/data.pkl"))
    assert (tmp_path / ESCAPED).is_dir()


@pytest.mark.parametrize("suffix", [*FAMILIES, ".other"])
@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)), b"II*\0\x08\0\0\0\xff\xff", b"\xff\xd8\xff\xe0"])
def test_mutators_take_any_content(suffix: str, content: bytes) -> None:
    for number in range(30):
        changed, how = mutate(f"a{suffix}", content, Random(number))
        assert isinstance(changed, bytes)
        assert how
