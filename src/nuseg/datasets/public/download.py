"""Fetch the files of a dataset with pooch: checked, and resumed where an earlier try ended."""

import json
import logging
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import is_zipfile

from nuseg.datasets.public.public_dataset import Download, PublicDataset
from nuseg.errors import NusegError
from nuseg.io.atomic import readable_errors
from nuseg.progress import Progress, ProgressCallback
from nuseg.text import shortened

if TYPE_CHECKING:
    import requests

_CHUNK = 1 << 16  # of bytes, less than that is lost where a connection breaks
_TIMEOUT = 30  # s without any answer
_TRIES = 3  # in a row that bring nothing
_PARTIAL, _RANGE_ENDS = 206, 416  # HTTP
_BROKEN = "ended early"


def default_folder(name: str) -> Path:
    """Folder in which what is downloaded of a dataset is kept: the system's one for caches."""
    _require_pooch()
    import pooch

    return Path(pooch.os_cache("nuseg")) / name


def fetch(dataset: PublicDataset, folder: Path, progress: ProgressCallback | None = None) -> list[Path]:
    """Download all files of a dataset that are not in a folder yet.

    What is there is checked again where its checksum is known. An interrupted download is kept as `NAME.part`, and the
    next call goes on from there.

    Parameters
    ----------
    dataset : PublicDataset
    folder : Path
        Made where it is missing.
    progress : function, optional
        Told of the MiB that are there.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    NusegError
        The dataset has no stable public address, pooch is not installed, no connection, no such file there, a wrong
        checksum, or no space; the message says how to get it by hand.
    """
    if not dataset.downloads:
        raise NusegError(f"{dataset.name}: cannot be downloaded by nuseg; {how_by_hand(dataset)}")
    _require_pooch()
    return [_fetch_one(dataset, one, folder, progress) for one in dataset.downloads]


def how_by_hand(dataset: PublicDataset) -> str:
    """Say how to get a dataset without nuseg."""
    return f"{dataset.by_hand}, and give its folder or archive as from="


def _require_pooch() -> None:
    if find_spec("pooch") is None:
        raise NusegError("downloads need pooch: pip install 'nuseg[download]'")


def _fetch_one(dataset: PublicDataset, one: Download, folder: Path, progress: ProgressCallback | None) -> Path:
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)
    target = folder / one.file
    transfer = _Transfer(target.with_name(f"{one.file}.part"), one, progress)
    with readable_errors(target):
        try:
            pooch.retrieve(
                one.url,
                known_hash=f"sha256:{one.sha256}" if one.sha256 else None,
                fname=one.file,
                path=folder,
                downloader=transfer,
            )
        except requests.HTTPError as problem:
            status = "an error" if problem.response is None else problem.response.status_code
            raise NusegError(f"{one.url}: answers {status} in place of the file; {how_by_hand(dataset)}") from problem
        except requests.RequestException as problem:
            kept = f" ({transfer.size >> 20} MiB are kept)" if transfer.size else ""
            raise NusegError(
                f"{one.url}: cannot be reached or {_BROKEN}{kept}; check the connection and give the same command "
                f"again, or {how_by_hand(dataset)}"
            ) from problem
        except ValueError as problem:  # pooch's word for another checksum
            raise NusegError(
                f"{one.url}: the file that came is not the one expected (SHA-256 {str(one.sha256)[:12]}...) and was "
                f"removed; give the same command again, or {how_by_hand(dataset)}"
            ) from problem
    if target.suffix.lower() == ".zip" and not is_zipfile(target):
        target.unlink()
        raise NusegError(f"{one.url}: expected a zip archive, found another file; {how_by_hand(dataset)}")
    return target


class _Transfer:
    """Downloader for pooch that goes on where a part of the file is there already.

    Beside the part lies what the server said of its version, so that parts of two versions are not joined.
    """

    def __init__(self, part: Path, one: Download, progress: ProgressCallback | None) -> None:
        self.part, self.one, self.progress = part, one, progress
        self.version = part.with_name(f"{part.name}.json")

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.part.stat().st_size if self.part.is_file() else 0

    def __call__(self, url: str, output_file: str, _pooch: Any, check_only: bool = False) -> None:
        """Write the file, as pooch asks for it."""
        import requests

        tries = 0
        while True:
            before = self.size
            try:
                self._go_on(url)
                break
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
                tries = 0 if self.size > before else tries + 1
                if tries >= _TRIES or self.size == before == 0:
                    raise
        self.part.replace(output_file)
        self.version.unlink(missing_ok=True)

    def _go_on(self, url: str) -> None:
        import requests

        have, headers = self.size, {"Accept-Encoding": "identity"}
        version = self._known_version()
        if have and (version or self.one.sha256):
            headers["Range"] = f"bytes={have}-"
            if version:
                headers["If-Range"] = version
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
            if answer.status_code == _RANGE_ENDS and have:
                if answer.headers.get("Content-Range") == f"bytes */{have}":
                    return  # all of it is there
                self.part.unlink()
                raise requests.ConnectionError(f"{_BROKEN}: the file there is another one now")
            answer.raise_for_status()
            goes_on = answer.status_code == _PARTIAL and answer.headers.get("Content-Range", "").startswith(
                f"bytes {have}-"
            )
            self._write(answer, have if goes_on else 0)

    def _write(self, answer: "requests.Response", have: int) -> None:
        expected = have + int(answer.headers.get("Content-Length", 0))
        version = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        if version and not version.startswith("W/"):
            self.version.write_text(json.dumps({"url": answer.url, "version": version}), encoding="utf-8")
        with self.part.open("ab" if have else "wb") as file:
            for chunk in answer.iter_content(_CHUNK):
                file.write(chunk)
                have += len(chunk)
                if self.progress is not None:
                    self.progress(Progress(f"download {self.one.file} (MiB)", have >> 20, max(expected, have) >> 20))

    def _known_version(self) -> str | None:
        """What the server said of the version of the part; None where it said nothing."""
        try:
            found = json.loads(self.version.read_text(encoding="utf-8")).get("version")
        except (OSError, ValueError, AttributeError):
            return None
        return shortened(found) if isinstance(found, str) else None
