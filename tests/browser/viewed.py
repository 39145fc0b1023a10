"""The viewer in a process that a test may kill, and what tests ask of its page."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd


@dataclass
class Served:
    """`nuseg view` of results, in a process of its own."""

    folder: Path
    given: tuple[str, ...]
    model: str
    port: int = 0
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Serve, at the same address as before."""
        words = ["view", *self.given, "--no-open", "--port", str(self.port), "--model", self.model, "--mpp", "0.25"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nuseg", *words],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert self.process.stdout is not None
        told = ""
        for line in self.process.stdout:
            told += line
            if "http://127.0.0.1:" in line:
                self.port = int(line.partition("http://127.0.0.1:")[2].partition("/")[0])
                return
        raise AssertionError(told)

    def kill(self) -> None:
        """Kill it as a power cut would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


def table(served: Served, name: str) -> pd.DataFrame:
    """The nuclei of an image, as the results have them."""
    return pd.read_csv(served.folder / "results" / "csv" / f"{name}.csv")


def item_id(page: Any, name: str) -> str:
    """What the server calls an image."""
    items = page.request.get(f"{page.url.partition('#')[0]}api/items").json()["items"]
    return next(item["id"] for item in items if item["name"] == name)


def text_of(page: Any, element: str) -> str:
    """What an element says."""
    return page.locator(f"#{element}").inner_text()
