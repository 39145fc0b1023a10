"""A folder of results for tests of the viewer: an image with nuclei whose places are known, and who asks for it."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from starlette.testclient import TestClient

from dark_model import CONFIG, dark_network
from nuseg.io.file_state import FileState
from nuseg.io.image import write_png
from nuseg.model.store import Model
from nuseg.results.records import Record, Records
from nuseg.results.summary import result_row
from nuseg.segmentation.segmenter import Segmenter
from nuseg.viewer.contents import gather
from nuseg.viewer.security import Door
from nuseg.viewer.server import make_app
from nuseg.viewer.shelf import Shelf

HERE = "http://127.0.0.1:8123"
ASKED = {"origin": HERE, "x-nuseg": "1"}
MPP = 0.25
SIZE = 1300, 700  # width, height: three cells of outlines, and six tiles
DISCS = ((60, 50, 9), (200, 80, 12), (215, 300, 10), (1100, 600, 14), (1250, 90, 8))  # x, y, radius (px)
DARK = Segmenter(Model(CONFIG, Path("dark")), dark_network)


def discs(places: Iterable[tuple[int, int, int]] = DISCS, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Draw dark discs on light ground, `(h, w, 3)` uint8."""
    pixels = np.full((size[1], size[0], 3), (235, 200, 225), np.uint8)
    for x, y, radius in places:
        cv2.circle(pixels, (x, y), radius, (70, 40, 110), cv2.FILLED)
    return pixels


def save_results(image: Path, out: Path, outputs: tuple[str, ...] = ("geoparquet", "summary")) -> None:
    """Segment an image, and write its results and their record as `nuseg segment` does."""
    with DARK(image, mpp=MPP) as result:
        result.save(out, outputs)
        records = Records(out)
        records.begin()
        row = result_row(image.stem, str(image.resolve()), result, "")
        records.keep(Record(row, result.info.kind, FileState.of(image), result.count_error))
        records.write_summary()


def save_shown(folder: Path, outputs: tuple[str, ...] = ("geoparquet", "summary")) -> Path:
    """Write `images/a.png` and its results, and give the folder `results`."""
    image = folder / "images" / "a.png"
    write_png(image, discs())
    save_results(image, folder / "results", outputs)
    return folder / "results"


def shelf_of(*given: Path, **options: object) -> Shelf:
    """Make the shelf of what folders hold."""
    return Shelf(gather(given).items, **options)  # type: ignore[arg-type]


def client_of(shelf: Shelf, door: Door | None = None, **headers: str) -> TestClient:
    """Ask the server of a shelf as its page does."""
    own = door or Door("127.0.0.1", 8123, read_only=shelf.read_only)
    return TestClient(make_app(shelf, own)[0], base_url=HERE, headers=ASKED | headers, follow_redirects=False)
