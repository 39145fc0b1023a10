"""The journal on disk: nothing is lost, and nobody writes over another."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from correcting import Row, ask, kept_in, square
from nuseg.annotations.corrections.journal import journal_path, read_journal
from nuseg.errors import NusegError
from nuseg.viewer.corrections.writing import ChangedError, NotWritableError, is_writable

NUCLEI = Row(20)


def write_three(folder: Path) -> Path:
    kept = kept_in(folder)
    ask(kept, NUCLEI, "delete", nuclei=[3])
    ask(kept, NUCLEI, "draw", polygon=square(500, 50))
    ask(kept, NUCLEI, "class", nuclei=[1, "a1"], **{"class": "tumour"})
    return kept.path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write_three(tmp_path)
    assert path == tmp_path / "corrections" / "row.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {
        "nuseg": "corrections",
        "format": 1,
        "image": "row",
        "base": {"nuclei": 20, "settings": "", "mean_area_um2": ""},
    }
    assert [line["action"] for line in lines[1:]] == ["delete", "draw", "class"]
    journal = kept_in(tmp_path).read()
    assert journal is not None
    assert journal.history.version == 3
    assert journal.history.state.deleted == {3}
    assert journal.history.state.added["a1"].name == journal.history.state.changed[1].name == "tumour"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1))
def test_a_journal_cut_anywhere_goes_on(tmp_path: Path, share: float) -> None:
    """After a power cut at any byte all whole lines count, and the next correction is written behind them."""
    path = write_three(tmp_path)
    whole = path.read_bytes()
    cut = whole[: round(share * len(whole))]
    path.write_bytes(cut)
    ends = max(0, cut.count(b"\n") - 1)
    kept = kept_in(tmp_path)
    with kept.history(20) as history:
        assert history.version == ends
    ask(kept, NUCLEI, "delete", nuclei=[7])
    expected = whole[: cut.rfind(b"\n") + 1] if ends or cut.count(b"\n") else b""
    assert path.read_bytes().startswith(expected)
    again = read_journal(path)
    assert again is not None
    assert again.history.version == ends + 1
    assert 7 in again.history.state.deleted
    path.unlink()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_server_killed_while_it_writes_loses_nothing_that_it_said(tmp_path: Path) -> None:
    """A process writes on and on and says what it kept, until it is killed."""
    code = (
        "import sys; from pathlib import Path; from correcting import Row, ask, kept_in, square\n"
        "kept, nuclei = kept_in(Path(sys.argv[1])), Row(20)\n"
        "while True:\n"
        "    ask(kept, nuclei, 'draw', polygon=square(100, 50)); print('kept', flush=True)\n"
    )
    here = str(Path(__file__).parent.parent)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([here, *sys.path])}
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert writer.stdout is not None
    said = [writer.stdout.readline() for _ in range(5)]
    writer.send_signal(signal.SIGKILL)
    said += writer.stdout.readlines()
    writer.wait()
    kept = said.count("kept\n")
    journal = read_journal(journal_path(tmp_path, "row"))
    assert journal is not None
    assert kept <= len(journal.history.state.added) <= kept + 1
    ask(kept_in(tmp_path), NUCLEI, "undo")


def test_two_servers_do_not_overwrite_each_other(tmp_path: Path) -> None:
    first, second = kept_in(tmp_path), kept_in(tmp_path)
    ask(first, NUCLEI, "delete", nuclei=[0])
    with pytest.raises(ChangedError, match="another window") as refused:
        ask(second, NUCLEI, "delete", base=0, nuclei=[1])
    assert refused.value.version == 1
    ask(second, NUCLEI, "delete", base=1, nuclei=[1])
    journal = first.read()
    assert journal is not None
    assert journal.history.state.deleted == {0, 1}


def _delete_all(folder: Path, places: range) -> None:
    kept = kept_in(folder)
    for place in places:
        while True:
            try:
                ask(kept, NUCLEI, "delete", nuclei=[place])
                break
            except ChangedError:
                continue


def test_many_writers_at_once(tmp_path: Path) -> None:
    """Two processes of two threads each, every one with five nuclei of its own."""
    context = multiprocessing.get_context("spawn")
    other = context.Process(target=_delete_all, args=(tmp_path, range(10)))
    other.start()
    threads = [threading.Thread(target=_delete_all, args=(tmp_path, part)) for part in (range(10, 15), range(15, 20))]
    for thread in threads:
        thread.start()
    for worker in (*threads, other):
        worker.join()
    journal = read_journal(journal_path(tmp_path, "row"))
    assert journal is not None
    assert journal.history.version == 20
    assert journal.history.state.deleted == set(range(20))


@pytest.mark.parametrize(
    ("line", "content", "words"),
    [
        (0, b"hello", "found another file"),
        (0, b'{"nuseg":"corrections","format":9,"image":"row","base":{"nuclei":20}}', "newer nuseg"),
        (1, b"hello", "line 2 is damaged"),
        (2, b'{"v":2,"action":"delete","nuclei":[99]}', "line 3 is damaged .*no nucleus 99"),
        (2, b'{"v":7,"action":"undo"}', "line 3 is damaged .*entry 7 where 2 should be"),
        (2, b'{"v":2,"action":"draw","id":"a1","polygon":[[0,0],[1,1],[NaN,1]]}', "line 3 is damaged"),
        (2, b'{"v":2,"action":"draw","id":"a1","polygon":[[0,0],[1,1],[1e99,1]]}', "line 3 is damaged"),
        (3, b'{"v":3,"action":"format","disk":true}', "line 4 is damaged"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: int, content: bytes, words: str) -> None:
    path = write_three(tmp_path)
    lines = path.read_bytes().split(b"\n")
    lines[line] = content
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(NusegError, match=words) as problem:
        read_journal(path)
    assert str(path) in str(problem.value)
    assert "\n" not in str(problem.value)


def test_a_refused_correction_leaves_no_line(tmp_path: Path) -> None:
    path = write_three(tmp_path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="no nucleus 3"):
        ask(kept_in(tmp_path), NUCLEI, "delete", nuclei=[3])
    assert path.read_bytes() == before


def test_a_journal_that_was_taken_away_begins_anew(tmp_path: Path) -> None:
    kept = kept_in(tmp_path)
    ask(kept, NUCLEI, "delete", nuclei=[0])
    kept.path.rename(tmp_path / "old.jsonl")
    ask(kept, NUCLEI, "delete", nuclei=[1])
    journal = kept.read()
    assert journal is not None
    assert journal.history.state.deleted == {1}


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert not is_writable(tmp_path)
        with pytest.raises(NotWritableError, match="cannot be kept"):
            ask(kept_in(tmp_path), NUCLEI, "delete", nuclei=[0])
    finally:
        tmp_path.chmod(0o700)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """Also for root: a file lies where the folder should be."""
    (tmp_path / "corrections").write_text("")
    with pytest.raises(NotWritableError, match=r"corrections cannot be kept \(.*exists"):
        ask(kept_in(tmp_path), NUCLEI, "delete", nuclei=[0])


@pytest.mark.parametrize("name", ["../row", "a/b", "..\\row", "x\ny", ""])
def test_a_name_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    if not name:
        assert kept_in(tmp_path, name).path == tmp_path / "corrections" / ".jsonl"
        return
    with pytest.raises(NusegError, match="no corrections can be kept"):
        ask(kept_in(tmp_path, name), NUCLEI, "delete", nuclei=[0])


def test_links_lead_nowhere_else(tmp_path: Path) -> None:
    outside = tmp_path / "outside.jsonl"
    outside.write_text("secret\n")
    home = tmp_path / "home"
    (home / "corrections").mkdir(parents=True)
    (home / "corrections" / "row.jsonl").symlink_to(outside)
    with pytest.raises(NusegError, match="a link that leads out") as problem:
        ask(kept_in(home), NUCLEI, "delete", nuclei=[0])
    assert "secret" not in str(problem.value)
    assert outside.read_text() == "secret\n"
