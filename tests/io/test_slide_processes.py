"""OpenSlide in processes of its own: it may end them, and nothing else."""

import os
import pickle
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from hard_files import APERIO
from hostile_files import overwrite, picture
from nuseg.errors import NusegError
from nuseg.io.opening import open_slide
from nuseg.io.openslide_reader import OpenSlideReader, detect_vendor
from nuseg.io.slide_processes import SlideProcess, SlideProcesses, processes
from slide_files import save_pyramid


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    return save_pyramid(tmp_path / "a.svs", picture(), (1, 2), None, description=f"{APERIO}|AppMag = 40|MPP = 0.25")


def test_the_same_pixels_whoever_reads_them(slide: Path) -> None:
    with open_slide(slide) as source:
        assert (source.vendor, source.kind, source.mpp) == ("aperio", "slide", 0.25)
        whole = source.read_whole()
        with ThreadPoolExecutor(8) as pool:
            corners = [(x, y) for x in range(0, 200, 25) for y in range(0, 200, 25)]
            parts = list(pool.map(lambda corner: source.read(0, *corner, 40, 50), corners))
        again = pickle.loads(pickle.dumps(source))
        assert np.array_equal(again.read_whole(), whole)
        again.close()
    assert np.abs(whole.astype(int) - picture()).mean() < 15
    for (x, y), part in zip(corners, parts, strict=True):
        assert np.array_equal(part, whole[y : y + 50, x : x + 40])


def test_a_region_is_put_together_of_parts(slide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_slide(slide) as source:
        at_once = source.read_whole()
        monkeypatch.setattr("nuseg.io.openslide_reader.PART_PIXELS", 256 * 30)
        assert np.array_equal(source.read_whole(), at_once)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no signals of this kind")
def test_a_slide_that_ends_openslide_ends_nothing_else(slide: Path) -> None:
    """Tiles of this width make OpenSlide abort; in use the check of the layout comes first."""
    broken = slide.with_name("b.svs")
    broken.write_bytes(slide.read_bytes())
    overwrite(broken, {"TileWidth": 2**31 - 1})
    sound = OpenSlideReader(slide)
    with pytest.raises(NusegError, match=r"OpenSlide broke down \(SIG[A-Z]+\)|cannot open it"):
        OpenSlideReader(broken).read(0, 0, 0, 100, 100)
    assert sound.read(0, 0, 0, 100, 100).shape == (100, 100, 3)
    assert detect_vendor(slide) == "aperio"
    sound.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")
def test_how_a_process_ended_is_said() -> None:
    process = SlideProcess()
    os.kill(process._process.pid, signal.SIGABRT)
    with pytest.raises(ConnectionError, match=r"OpenSlide broke down \(SIGABRT\)"):
        process.do("detect", "a.svs")
    process.stop()
    several = SlideProcesses()
    assert several.do("detect", __file__)[0]["vendor"] is None
    os.kill(several._idle[0]._process.pid, signal.SIGPROF)  # as the system does after too much computing time
    with pytest.raises(NusegError, match="OpenSlide took too long"):
        several.do("detect", __file__)
    assert several.do("detect", __file__)[0]["vendor"] is None
    several.stop()


def test_an_unknown_task_and_a_missing_file_are_words_not_ends(tmp_path: Path) -> None:
    with pytest.raises(NusegError, match="nothing"):
        processes.do("nothing")
    with pytest.raises(NusegError, match=r"none\.svs: damaged or incomplete, OpenSlide cannot open it"):
        OpenSlideReader(tmp_path / "none.svs")
