"""Classes of nuclei through tiles, joins and checkpoints: those of the untiled source, bit by bit."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from class_model import CLASSES, CONFIG, class_network, picture
from dark_model import CONFIG as DARK_CONFIG
from dark_model import dark_network
from nuseg.engines.maps import FULL_MAP, quantise
from nuseg.errors import NusegError
from nuseg.measure.classes import CLASS, class_columns, class_probabilities, probability_column
from nuseg.model.config import ModelConfig
from nuseg.model.store import Model
from nuseg.segmentation.checkpoint import FolderCheckpoint
from nuseg.segmentation.part_store import TILE, PartStore
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.segmenter import Segmenter

COLUMNS = list(class_columns(CLASSES))


def red_blobs(seed: int) -> np.ndarray:
    """Dark blobs of all sizes, some across the whole image, of all shares of red."""
    rng = np.random.default_rng(seed)
    fields = [cv2.GaussianBlur(rng.random((130, 170), np.float32), (0, 0), 3) for _ in range(2)]
    dark = fields[0] > np.quantile(fields[0], 0.6)
    red = np.clip((fields[1] - 0.4) * 5, 0, 1) * 128
    pixels = np.where(dark[..., None], np.stack([red, red * 0, red * 0 + 60], axis=2), 250)
    return pixels.astype(np.uint8)


def segment(pixels: np.ndarray, tile: int, model: ModelConfig = CONFIG, checkpoint: Path | None = None):
    engine = class_network if model is CONFIG else dark_network
    return Segmenter(Model(model, Path()), engine)(
        pixels, options=SegmentOptions(0.25, tissue=False, tile=tile), checkpoint=checkpoint
    )


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([48, 64, 100]))
def test_tiled_equals_untiled(seed: int, tile: int):
    pixels = red_blobs(seed)
    whole, tiled = segment(pixels, 2048), segment(pixels, tile)
    assert len(whole) > 3
    pd.testing.assert_frame_equal(tiled.nuclei, whole.nuclei)
    assert list(whole.nuclei)[-3:] == COLUMNS


def test_probabilities_are_calibrated_means_over_the_pixels():
    pixels = red_blobs(1)
    found = segment(pixels, 64)
    maps = quantise(class_network(pixels[None])[0])[2:]
    checked = 0
    for number, row in found.nuclei.set_index("id").iterrows():
        inside = found.labels == number
        if np.count_nonzero(inside) != row["area_px"]:  # it has a hole, which an outline does not show
            continue
        checked += 1
        shares = maps[:, inside].sum(axis=1) / FULL_MAP
        expected = class_probabilities((shares / shares.sum())[None], CONFIG.class_calibration)[0]
        np.testing.assert_allclose(row[COLUMNS[:-1]].to_numpy(float), expected, rtol=1e-12)
        assert row[CLASS] == CLASSES[int(expected.argmax())]
    assert checked > 3


def test_squares_by_hand():
    table = segment(picture(), 2048).nuclei
    first = table[probability_column(CLASSES[0])].to_numpy().reshape(2, 3)
    assert (first[:, 0] < 0.02).all()
    assert (first[:, 2] > 0.98).all()
    share = 60 / 128  # a temperature of 2 draws towards a half: roots
    np.testing.assert_allclose(first[:, 1], share**0.5 / (share**0.5 + (1 - share) ** 0.5), atol=0.002)
    assert table[CLASS].tolist() == ["other", "other", "red, or so"] * 2


def test_what_a_checkpoint_holds_is_gone_on_from(tmp_path: Path):
    pixels = red_blobs(2)
    first = segment(pixels, 64, checkpoint=tmp_path / "parts")
    kept = sorted(path.name for path in (tmp_path / "parts").glob("*.npz"))
    expected = first.nuclei.copy()
    (tmp_path / "parts" / kept[0]).unlink()
    pd.testing.assert_frame_equal(segment(pixels, 64, checkpoint=tmp_path / "parts").nuclei, expected)


def test_parts_of_a_model_without_classes_are_as_they_were(tmp_path: Path):
    found = segment(red_blobs(3), 64, DARK_CONFIG, tmp_path / "parts")
    assert not set(COLUMNS) & set(found.nuclei)
    held = {name for path in (tmp_path / "parts").glob("*.npz") for name in np.load(path).files}
    assert not {"class_maps", "class_probability"} & held
    assert {"first", "colour", "distance"} <= held


def test_a_part_with_other_classes_is_refused(tmp_path: Path):
    segment(red_blobs(2), 64, checkpoint=tmp_path / "parts")
    parts = FolderCheckpoint(tmp_path / "parts")
    store = PartStore(1.0, parts, ("a", "b", "c"))
    for number in parts.numbers(TILE):
        store.add(TILE, number, parts.load(TILE, number, ["first"])[0])
    with pytest.raises(NusegError, match="expected 3 classes, found 2"):
        list(store.batches())


def test_nothing_found_has_the_columns():
    blank = np.full((40, 50, 3), 250, np.uint8)
    found = segment(blank, 2048)
    assert list(found.nuclei)[-3:] == COLUMNS
    assert [(one.name, one.nuclei, one.share) for one in found.classes] == [(name, 0, None) for name in CLASSES]
