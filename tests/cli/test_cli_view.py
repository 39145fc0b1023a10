"""`nuseg view` as a user runs it: a process, a port, Ctrl-C, many who ask at once."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
import tifffile
from command_line import SOURCE, run_cli

from nuseg.io.image import write_png
from shown import DISCS, discs, save_shown

CLIENTS = 50
MOST_MB = 400  # beside what the server takes anyway


@contextmanager
def served(*words: object) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run `nuseg view` on a free port; gives the process and the address that it prints."""
    command = [sys.executable, "-m", "nuseg", "view", *map(str, words), "--no-open", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = [word for word in line.split() if word.startswith("http://")]
        assert found, process.communicate()[1]
        yield process, found[0]
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_shown(tmp_path_factory.mktemp("view"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_it_serves_until_it_is_asked_to_end(results: Path, number: signal.Signals, code: int) -> None:
    with served(results) as (process, url):
        (item,) = httpx.get(f"{url}api/items").json()["items"]
        assert item["nuclei"] == len(DISCS)
        assert "<html" in httpx.get(url).text
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert process.returncode == code
        assert "the viewer has ended" in err
        assert "Traceback" not in out + err


def test_beyond_this_machine_it_prints_a_token_and_asks_for_it(results: Path) -> None:
    with served(results, "--host", "0.0.0.0") as (_, url):
        base, _, token = url.partition("?token=")
        assert len(token) >= 32
        assert httpx.get(f"{base}api/items").status_code == 401
        with httpx.Client(follow_redirects=True) as client:
            assert client.get(url).status_code == 200
            assert client.get(f"{base}api/items").status_code == 200


def test_many_who_ask_at_once_are_answered_in_bounded_memory(tmp_path: Path) -> None:
    pixels = np.tile(np.random.default_rng(0).integers(0, 255, (512, 512, 3), np.uint8), (10, 12, 1))
    tifffile.imwrite(tmp_path / "flat.tif", pixels, tile=(512, 512), photometric="rgb", compression="zlib")
    for number in range(4):
        write_png(tmp_path / f"{number}.png", discs())
    with served(tmp_path) as (process, url), httpx.Client(base_url=url, timeout=120) as client:
        items = client.get("/api/items").json()["items"]
        memory = psutil.Process(process.pid).memory_info

        def ask(number: int) -> tuple[set[int], int]:
            found, most = set[int](), 0
            for step in range(6):
                item = items[(number + step) % len(items)]
                level, place = (0, 3, 8, 10, 11, 99)[step], (number % 5, number % 3)
                address = f"/api/items/{item['id']}/tiles/{level}/{place[0]}_{place[1]}.jpg"
                found.add(client.get(address).status_code)
                found.add(client.get(item["thumbnail"]).status_code)
                most = max(most, memory().rss)
            return found, most

        before = memory().rss
        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = list(pool.map(ask, range(CLIENTS)))
        assert set().union(*(found for found, _ in answers)) == {200, 404}
        assert (max(most for _, most in answers) - before) / 1e6 < MOST_MB
        assert client.get("/api/items").status_code == 200


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["none"], "none: no such file or folder"),
        (["RESULTS", "--mpp", "900"], "--mpp"),
        (["RESULTS", "--model", "unknown"], "model unknown: expected a shipped model"),
        (["RESULTS", "--host", "no.such.host.invalid"], "host no.such.host.invalid: expected an address of this"),
        (["RESULTS", "--host", "192.0.2.1"], "host 192.0.2.1: expected an address of this machine"),
    ],
)
def test_what_cannot_be_done_is_one_line(results: Path, words: list[str], expected: str) -> None:
    done = run_cli("view", *(results if word == "RESULTS" else word for word in words), "--no-open")
    assert done.code == 1
    assert len(done.errors) == 1
    assert expected in done.errors[0]
    assert " mpp=" not in done.errors[0]


def test_a_port_that_is_taken_is_said(results: Path) -> None:
    with served(results) as (_, url):
        done = run_cli("view", results, "--no-open", "--port", url.rstrip("/").rpartition(":")[2])
    assert done.code == 1
    assert "another program uses it; give another one by --port" in done.errors[0]


def test_without_its_packages_it_says_what_to_install(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nuseg.viewer.opening.NEEDS", ("a_package_that_is_not_there",))
    done = run_cli("view", results, "--no-open")
    assert (done.code, len(done.errors)) == (1, 1)
    assert "pip install 'nuseg[view]'" in done.errors[0]
