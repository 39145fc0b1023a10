"""Segmenting with normalised stain: the network alone sees it, the same in every tile, and it is on record."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dark_model import CONFIG, dark_network, save_dark_model
from nuseg.errors import NusegError
from nuseg.io.image import write_png
from nuseg.io.opening import open_source
from nuseg.model.store import Model
from nuseg.preprocess.stain import registry
from nuseg.preprocess.stain.normaliser import plan_normaliser
from nuseg.results import summary
from nuseg.segmentation.folder import segment_folder
from nuseg.segmentation.plan import SegmentOptions, settings_of
from nuseg.segmentation.segmenter import Segmenter, segment
from stained import OTHER, field

MODEL = Model(CONFIG, Path("nowhere"))


def image() -> np.ndarray:
    """Pale tissue with spots of haematoxylin, which are dark only when they are normalised."""
    pixels = field(150, 170, OTHER, glass=0.2)
    pale = 255 - (255 - pixels.astype(int)) // 2
    pale[20:30, 20:40] = pale[60:75, 90:100] = (120, 110, 170)
    return pale.astype(np.uint8)


@pytest.mark.parametrize("method", ["macenko", "vahadane", "reinhard"])
@pytest.mark.parametrize("tile", [64, 100])
def test_tiled_equals_untiled(method: str, tile: int) -> None:
    shown = plan_normaliser(image(), method)(image())
    whole = segment(image(), 0.25, MODEL, engine=dark_network, stain=method)
    tiled = segment(image(), 0.25, MODEL, engine=dark_network, stain=method, tile=tile)
    assert np.array_equal(whole.labels > 0, segment(shown, 0.25, MODEL, engine=dark_network).labels > 0)
    pd.testing.assert_frame_equal(whole.nuclei, tiled.nuclei)
    plain = segment(image(), 0.25, MODEL, engine=dark_network)
    assert not np.array_equal(plain.mask, whole.mask)


def test_measures_are_those_of_the_source() -> None:
    def everything(batch: np.ndarray) -> np.ndarray:
        return np.ones((len(batch), 2, *batch.shape[1:3]), np.float32)

    plain, stained = (segment(image(), 0.25, MODEL, engine=everything, stain=stain) for stain in (None, "macenko"))
    pd.testing.assert_frame_equal(plain.nuclei, stained.nuclei)


def test_it_is_on_record() -> None:
    result = segment(image(), 0.25, MODEL, engine=dark_network, stain="vahadane")
    found = result.summary["settings"]
    assert found["stain"] == "vahadane"
    assert found["stain_fit"] == plan_normaliser(image(), "vahadane").found.model_dump()
    plain = segment(image(), 0.25, MODEL, engine=dark_network)
    assert (plain.summary["settings"]["stain"], plain.summary["settings"]["stain_fit"]) == (None, None)
    assert plain.info.fingerprint != result.info.fingerprint


def test_a_blank_image_is_noted() -> None:
    blank = np.full((40, 50, 3), 250, np.uint8)
    result = segment(blank, 0.25, MODEL, engine=dark_network, stain="macenko")
    assert len(result) == 0
    assert any("too little stain" in note for note in result.notes)


def test_a_checkpoint_of_another_target_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_source(image()) as source:
        options = SegmentOptions(0.25, stain="macenko")
        before = settings_of(source, CONFIG, options)
        other = registry.shipped_targets() | {
            "macenko": registry.shipped_target("macenko").model_copy(update={"pixels": 1})
        }
        monkeypatch.setattr(registry, "shipped_targets", lambda: other)
        assert settings_of(source, CONFIG, options) != before
        assert settings_of(source, CONFIG, replace(options, stain=None))["stain"] is None


def test_a_folder_is_done_again_with_another_stain(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", image())
    model = save_dark_model(tmp_path / "model").path

    def run(stain: str | None) -> int:
        done = segment_folder(tmp_path / "a.png", tmp_path / "out", ["csv"], mpp=0.25, model=model, stain=stain)
        assert not done.failed
        return done.skipped

    assert [run(stain) for stain in (None, None, "macenko", "macenko", "reinhard")] == [0, 1, 0, 1, 0]
    assert summary.read(tmp_path / "out" / summary.FILE)[0].stain == "reinhard"
    with pytest.raises(NusegError, match="stain method sepia: expected one of"):
        run("sepia")
    with pytest.raises(NusegError, match="stain method sepia: expected one of"):
        segment(image(), 0.25, MODEL, engine=dark_network, stain="sepia")


def test_a_given_resolution_leaves_the_other_options(tmp_path: Path) -> None:
    result = Segmenter(MODEL, dark_network)(image(), 0.5, options=SegmentOptions(0.25, stain="reinhard"))
    assert (result.mpp, result.summary["settings"]["stain"]) == (0.5, "reinhard")
