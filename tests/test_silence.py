"""Nothing is told to anybody: images are of patients, and many of their networks let nothing out."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nuseg.io.image import write_png

WATCHED = """
import sys
from pathlib import Path
told = Path(sys.argv[1])
def watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.connect", "socket.sendto"):
        with told.open("a") as file:  # also of processes that are forked
            file.write(f"{event} {arguments[1] if event != 'socket.getaddrinfo' else arguments[0]}\\n")
sys.addaudithook(watch)
sys.argv[1:] = sys.argv[2:]
"""
WAYS = {
    "segment": "from nuseg.cli import main; main()",
    "quantise": "import nuseg; import nuseg.model.quantise",
    "hear": "import socket; socket.getaddrinfo('localhost', 80)",
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_sent(tmp_path: Path, way: str) -> None:
    """The last way shows that what is sent would be seen."""
    write_png(tmp_path / "a.png", np.full((64, 64, 3), 220, np.uint8))
    told = tmp_path / "told"
    words = ["segment", tmp_path / "a.png", "-o", tmp_path / "out", "--mpp", "0.25"]
    subprocess.run([sys.executable, "-c", WATCHED + WAYS[way], told, *words], check=True, capture_output=True)
    assert told.exists() == (way == "hear")
