"""Files of a source: also of a damaged slide, which is never taken for a blank one."""

from pathlib import Path

import numpy as np
import pytest

from nuseg.errors import NusegError
from nuseg.io.opening import read_image
from nuseg.preprocess.stain import normaliser, outputs
from nuseg.preprocess.stain.normaliser import plan_normaliser
from nuseg.preprocess.stain.outputs import tissue_piece, write_stain
from slide_files import array_slide
from stained import OTHER, field

PIXELS = field(300, 400, OTHER)


def test_damaged_parts_of_a_slide_are_noted(tmp_path: Path) -> None:
    slide = array_slide(PIXELS, damaged=(0, 0, 200, 200))
    done = write_stain(slide, plan_normaliser(PIXELS), tmp_path, "a")
    assert any("is damaged, and white here" in note for note in done.notes)
    assert (read_image(done.paths["normalised"]).pixels == 255).any()
    whole = write_stain(array_slide(PIXELS), plan_normaliser(PIXELS), tmp_path, "b")
    assert whole.notes == ()
    assert set(whole.paths) == set(outputs.FOLDERS)


@pytest.mark.parametrize("kind", ["image", "slide"])
def test_what_cannot_be_read_is_an_error(tmp_path: Path, kind: str) -> None:
    broken = array_slide(PIXELS, kind=kind, damaged=(0, 0, 400, 300))
    with pytest.raises(NusegError, match="damaged"):
        plan_normaliser(broken)
    part = array_slide(PIXELS, kind="image", damaged=(0, 0, 20, 20))
    with pytest.raises(NusegError, match="damaged"):
        write_stain(part, plan_normaliser(PIXELS), tmp_path, "a")
    assert list(tmp_path.rglob("*.*")) == []


def test_the_piece_is_taken_where_it_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "DETAIL", 200)
    whole = tissue_piece(array_slide(PIXELS))
    other = tissue_piece(array_slide(PIXELS, damaged=(0, 256, 400, 300)))
    assert whole.shape == other.shape == (200, 200, 3)
    assert np.array_equal(other, PIXELS[:200, :200])
    assert (tissue_piece(array_slide(PIXELS, damaged=(0, 0, 400, 300))) == 255).all()


def test_stains_are_separated_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_normaliser(PIXELS, "vahadane")
    at_once = plan.separate(PIXELS)
    monkeypatch.setattr(normaliser, "PART", 1000)
    assert all(map(np.array_equal, plan.separate(PIXELS), at_once))
