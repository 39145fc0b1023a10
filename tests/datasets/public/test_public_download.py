"""Downloads from a server on this machine: whole, broken off, wrong, missing, unreachable."""

import hashlib
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import nuseg
from nuseg import NusegError, Progress, prepare_public, public_datasets
from nuseg.datasets.public.download import fetch
from nuseg.datasets.public.public_dataset import Download
from nuseg.datasets.public.sets.tnbc import Tnbc
from public_trees import TREES, zipped

pytest.importorskip("pooch")


@dataclass
class Server:
    """A server with files, which breaks answers off where it is told to.

    Attributes
    ----------
    files : mapping of path to bytes
    breaks : list of int
        Bytes after which the next answers end, one each; then answers are whole.
    etag, ranges : bool
        Whether it says versions, and knows ranges.
    asked : list of (path, Range or None)
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    etag: bool = True
    ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def download(self, path: str, file: str = "TNBC.zip", known: bool = True) -> Download:
        """Describe one of the files."""
        checksum = hashlib.sha256(self.files[path]).hexdigest() if known else None
        return Download(file, f"{self.address}{path}", checksum)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A running server, whose answers are kept in pieces of 100 bytes."""
    monkeypatch.setattr("nuseg.datasets.public.download._CHUNK", 100)
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append((self.path, wanted))
            content = state.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            version = f'"{hashlib.md5(content).hexdigest()}"'
            begin = 0
            if wanted and state.ranges and self.headers.get("If-Range", version) == version:
                begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if begin >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if begin else 200)
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
            if state.etag:
                self.send_header("ETag", version)
            self.send_header("Content-Length", str(len(content) - begin))
            self.end_headers()
            end = begin + state.breaks.pop(0) if state.breaks else len(content)
            self.wfile.write(content[begin:end])

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{running.server_port}"
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield state
    running.shutdown()
    running.server_close()


@pytest.fixture
def tnbc(server: Server, tmp_path: Path) -> Iterator[Tnbc]:
    """The dataset, with one archive on the server."""
    TREES["tnbc"](tmp_path / "tree")
    server.files["/TNBC.zip"] = zipped(tmp_path / "tree", tmp_path / "made.zip").read_bytes()
    dataset = Tnbc()
    dataset.downloads = (server.download("/TNBC.zip"),)
    usual = public_datasets["tnbc"]
    yield public_datasets.register(dataset)  # type: ignore[misc]
    public_datasets.register(usual)


def test_downloads_checks_and_prepares(tnbc: Tnbc, server: Server, tmp_path: Path) -> None:
    told: list[Progress] = []
    prepared = prepare_public("tnbc", tmp_path / "out", tmp_path / "kept", True, progress=told.append)
    assert len(prepared.dataset.items) == 4
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["TNBC.zip"]
    assert told[0].task == "download TNBC.zip (MiB)"
    prepare_public("tnbc", tmp_path / "again", tmp_path / "kept", True)
    assert len(server.asked) == 1, "what is there is not fetched again"


def test_without_a_folder_it_is_kept_in_the_cache(tnbc: Tnbc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pooch

    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    prepare_public("tnbc", tmp_path / "out", download=True)
    assert (tmp_path / "cache" / "nuseg" / "tnbc" / "TNBC.zip").is_file()


def test_a_break_is_taken_up_where_it_was(tnbc: Tnbc, server: Server, tmp_path: Path) -> None:
    content = server.files["/TNBC.zip"]
    server.breaks = [1000, 500]
    (path,) = fetch(tnbc, tmp_path / "kept")
    assert path.read_bytes() == content
    assert [wanted for _, wanted in server.asked] == [None, "bytes=1000-", "bytes=1500-"]
    assert [file.name for file in (tmp_path / "kept").iterdir()] == ["TNBC.zip"]


def test_the_next_command_goes_on_after_one_that_failed(tnbc: Tnbc, server: Server, tmp_path: Path) -> None:
    content = server.files["/TNBC.zip"]
    server.breaks = [1000, 0, 0, 0]
    with pytest.raises(NusegError, match=r"ended early.*give the same command again"):
        fetch(tnbc, tmp_path / "kept")
    assert (tmp_path / "kept" / "TNBC.zip.part").stat().st_size == 1000
    assert not (tmp_path / "kept" / "TNBC.zip").exists()
    server.asked.clear()
    (path,) = fetch(tnbc, tmp_path / "kept")
    assert server.asked == [("/TNBC.zip", "bytes=1000-")]
    assert path.read_bytes() == content


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("etag", [True, False])
@pytest.mark.parametrize("ranges", [True, False])
def test_whatever_the_server_knows_the_file_is_whole(
    tnbc: Tnbc, server: Server, tmp_path: Path, known: bool, etag: bool, ranges: bool
) -> None:
    server.etag, server.ranges = etag, ranges
    tnbc.downloads = (server.download("/TNBC.zip", known=known),)
    server.breaks = [1500, 1700]
    (path,) = fetch(tnbc, tmp_path / "kept")
    assert path.read_bytes() == server.files["/TNBC.zip"]


def test_parts_of_two_versions_are_not_joined(tnbc: Tnbc, server: Server, tmp_path: Path) -> None:
    newer = zipped(tmp_path / "tree" / "TNBC_NucleiSegmentation", tmp_path / "newer.zip").read_bytes()
    tnbc.downloads = (server.download("/TNBC.zip", known=False),)
    server.breaks = [1000, 0, 0, 0]
    with pytest.raises(NusegError):
        fetch(tnbc, tmp_path / "kept")
    server.files["/TNBC.zip"] = newer
    assert fetch(tnbc, tmp_path / "kept")[0].read_bytes() == newer


def test_a_part_that_is_whole_already_is_taken(tnbc: Tnbc, server: Server, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "TNBC.zip.part").write_bytes(server.files["/TNBC.zip"])
    (path,) = fetch(tnbc, tmp_path / "kept")
    assert path.read_bytes() == server.files["/TNBC.zip"]


def test_a_wrong_checksum_is_refused_and_nothing_kept(tnbc: Tnbc, server: Server, tmp_path: Path) -> None:
    server.files["/TNBC.zip"] += b"x"
    with pytest.raises(NusegError, match="is not the one expected"):
        fetch(tnbc, tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_damaged_file_of_an_earlier_day_is_fetched_again(tnbc: Tnbc, server: Server, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "TNBC.zip").write_bytes(b"damaged")
    assert fetch(tnbc, tmp_path / "kept")[0].read_bytes() == server.files["/TNBC.zip"]


def test_a_missing_file_says_so_and_how_to_get_it_by_hand(tnbc: Tnbc, server: Server, tmp_path: Path) -> None:
    tnbc.downloads = (Download("TNBC.zip", f"{server.address}/gone.zip"),)
    with pytest.raises(NusegError) as problem:
        fetch(tnbc, tmp_path / "kept")
    assert str(problem.value).startswith(f"{server.address}/gone.zip: answers 404 in place of the file; download ")
    assert tnbc.by_hand in str(problem.value)


def test_a_web_page_in_place_of_an_archive_is_refused(tnbc: Tnbc, server: Server, tmp_path: Path) -> None:
    server.files["/page.zip"] = b"<html>log in</html>"
    tnbc.downloads = (server.download("/page.zip", known=False),)
    with pytest.raises(NusegError, match="expected a zip archive"):
        fetch(tnbc, tmp_path / "kept")
    assert list((tmp_path / "kept").glob("*.zip")) == []


def test_offline_is_one_line(tnbc: Tnbc, tmp_path: Path) -> None:
    tnbc.downloads = (Download("TNBC.zip", "http://127.0.0.1:9/TNBC.zip"),)
    with pytest.raises(NusegError, match="cannot be reached") as problem:
        fetch(tnbc, tmp_path / "kept")
    assert "\n" not in str(problem.value)
    assert tnbc.by_hand in str(problem.value)


def test_datasets_without_a_stable_address_say_how_to_get_them(tmp_path: Path) -> None:
    without = [dataset for dataset in public_datasets.values() if not dataset.downloads]
    assert {dataset.name for dataset in without} >= {"monuseg", "monusac", "nucls", "cryonuseg", "kumar"}
    for dataset in without:
        with pytest.raises(NusegError) as problem:
            prepare_public(dataset.name, tmp_path / "out", download=True)
        assert dataset.by_hand in str(problem.value)


def test_without_pooch_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nuseg.datasets.public.download.find_spec", lambda _: None)
    with pytest.raises(NusegError, match=r"pip install 'nuseg\[download\]'"):
        nuseg.prepare_public("tnbc", tmp_path / "out", tmp_path, download=True)


def test_a_download_goes_into_one_folder(tnbc: Tnbc, tmp_path: Path) -> None:
    shutil.copy(tmp_path / "made.zip", tmp_path / "b.zip")
    with pytest.raises(NusegError, match="no more than one folder"):
        prepare_public("tnbc", tmp_path / "out", tmp_path / "b.zip", download=True)
