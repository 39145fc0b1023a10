"""Segmenting, with a network that calls dark pixels nuclei: every number is known beforehand."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from dark_model import CONFIG, dark_network, save_dark_model
from nuseg.errors import NusegError
from nuseg.io.image import Image, write_png
from nuseg.io.opening import open_source, read_image
from nuseg.io.source import Source
from nuseg.model.store import Model
from nuseg.results.segmentation import Segmentation
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.segmenter import Segmenter, segment

MODEL = Model(CONFIG, Path("nowhere"))
OUTPUTS = ["mask", "labels", "geojson", "csv", "parquet", "overlay"]


def draw(factor: float = 1.0) -> np.ndarray:
    """White field of 80 x 60 px at 0.25 um/px with a black disc and a black rectangle, magnified, edges smooth."""
    y, x = (np.mgrid[:600, :800] + 0.5) / 10
    black = ((x - 25) ** 2 + (y - 30) ** 2 <= 100) | ((x >= 50) & (x < 70) & (y >= 10) & (y < 22))
    size = round(80 * factor), round(60 * factor)
    grey = cv2.resize(np.where(black, np.uint8(0), np.uint8(255)), size, interpolation=cv2.INTER_AREA)
    return np.dstack([grey] * 3)


def run(image: np.ndarray | Image | Path | Source, mpp: float | None = 0.25, tile: int = 1024) -> Segmentation:
    return segment(image, mpp, MODEL, engine=dark_network, tile=tile)


def test_counts_and_measures() -> None:
    result = run(draw())
    assert result.labels.dtype == np.int32
    assert np.array_equal(result.mask, draw()[..., 0] < 128)
    assert np.array_equal(result.mask, result.labels > 0)
    rectangle = result.nuclei.set_index("area_px").loc[240]
    assert (rectangle["x_px"], rectangle["y_px"]) == (60, 16)
    assert (rectangle["x_um"], rectangle["y_um"]) == (15, 4)
    assert rectangle["area_um2"] == 15
    assert rectangle["probability"] == 1
    assert len(result.nuclei) == len(result.polygons) == result.labels.max() == 2
    assert result.nuclei_per_mm2 == pytest.approx(2 / (0.02 * 0.015))
    assert (result.mpp, result.model_name) == (0.25, "dark")


@pytest.mark.parametrize("mpp", [0.1, 0.125, 0.2, 0.25, 0.5, 0.625])
def test_same_nuclei_at_every_resolution(mpp: float) -> None:
    result = run(draw(0.25 / mpp), mpp)
    assert result.labels.shape == draw(0.25 / mpp).shape[:2]
    nuclei = result.nuclei.sort_values("x_um")
    assert nuclei["x_um"].to_numpy() == pytest.approx([6.25, 15], abs=0.15)
    assert nuclei["y_um"].to_numpy() == pytest.approx([7.5, 4], abs=0.15)
    assert nuclei["area_um2"].to_numpy() == pytest.approx([25 / 4 * np.pi, 15], rel=0.12)


def test_outlines_are_in_the_images_own_pixels() -> None:
    result = run(draw(2), 0.125)
    disc = shapely.Polygon(result.polygons[int(result.nuclei["area_px"].argmax())])
    assert disc.centroid.coords[0] == pytest.approx((50, 60), abs=0.3)


@given(st.integers(1, 90))
@settings(deadline=None, max_examples=10)
def test_tile_does_not_matter(tile: int) -> None:
    assert np.array_equal(run(draw(), tile=tile).labels, run(draw()).labels)


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("shape", [(1, 1, 3), (40, 1, 3), (30, 20, 3)])
@pytest.mark.parametrize("mpp", [0.1, 0.25, 2.0])
def test_plain_images(value: int, shape: tuple[int, ...], mpp: float) -> None:
    result = run(np.full(shape, value, np.uint8), mpp)
    assert result.labels.shape == shape[:2]
    assert len(result.nuclei) <= 1
    if value:
        assert len(result.nuclei) == 0
        assert result.nuclei_per_mm2 == 0


def test_grey_alpha_and_16_bit_arrays() -> None:
    grey = draw()[..., 0]
    for array in (grey, grey.astype(np.uint16) * 257, grey / 255, np.dstack([draw(), np.full_like(grey, 255)])):
        assert len(run(array).nuclei) == 2


def test_resolution_of_the_file_and_of_the_user() -> None:
    image = Image(draw(), 0.5, "a tag")
    result = run(image, None)
    assert (result.mpp, result.mpp_source) == (0.5, "a tag")
    assert result.notes == ()
    assert run(image, 0.25).mpp == 0.25
    assumed = run(Image(draw()), None)
    assert (assumed.mpp, assumed.mpp_source) == (0.25, "default")
    assert assumed.notes == (
        "image: no resolution in the file, 0.25 um/px (40x) assumed; give the right one with mpp=",
    )
    with pytest.raises(NusegError, match="um/px"):
        run(image, 3.0)


def test_path_is_read(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", draw())
    assert len(run(tmp_path / "a.png").nuclei) == 2
    with pytest.raises(NusegError, match=r"b\.png"):
        run(tmp_path / "b.png")


def test_everything_is_saved(tmp_path: Path) -> None:
    result = run(draw())
    written = result.save(tmp_path / "new", OUTPUTS, name="x")
    assert {str(path.relative_to(tmp_path / "new")) for path in written.values()} == {
        "mask/x.png", "labels/x.tiff", "geojson/x.geojson", "csv/x.csv", "parquet/x.parquet", "overlay/x.png",
    }  # fmt: skip
    assert np.array_equal(read_image(written["mask"]).pixels[..., 0], 255 * result.mask)
    assert np.array_equal(cv2.imread(str(written["labels"]), cv2.IMREAD_UNCHANGED), result.labels)
    assert read_image(written["labels"]).mpp == pytest.approx(0.25)
    assert len(pd.read_csv(written["csv"])) == 2
    assert sorted(path.name for path in (tmp_path / "new" / "csv").iterdir()) == ["x.csv"]


def test_names_of_saved_files(tmp_path: Path) -> None:
    assert run(draw()).save(tmp_path, ["csv"])["csv"].name == "image.csv"
    named = Image(draw(), 0.25, "tag", Path("scans/liver.1.png"))
    assert run(named).save(tmp_path, ["csv"])["csv"].name == "liver.1.csv"


@pytest.mark.parametrize("outputs", [["mask", "masks"], []])
def test_unknown_output(tmp_path: Path, outputs: list[str]) -> None:
    with pytest.raises(NusegError, match=r"outputs: expected some of .*csv.*labels.*mask.* found (masks|none)$"):
        run(draw()).save(tmp_path, outputs)
    assert list(tmp_path.iterdir()) == []


def test_shown_in_a_notebook_and_in_a_line() -> None:
    result = run(draw())
    shown = cv2.imdecode(np.frombuffer(result._repr_png_(), np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == (60, 80, 3)
    assert repr(result) == "Segmentation(80 x 60 px at 0.25 um/px, 2 nuclei, 6667 per mm2, model dark)"
    wide = run(np.full((10, 3000, 3), 255, np.uint8))
    assert cv2.imdecode(np.frombuffer(wide._repr_png_(), np.uint8), cv2.IMREAD_COLOR).shape[1] == 1200


def test_the_real_engine_is_loaded_once(tmp_path: Path) -> None:
    model = save_dark_model(tmp_path)
    result = segment(draw(), 0.25, tmp_path, device="cpu", threads=1)
    assert np.array_equal(result.labels, run(draw()).labels)
    model.graph().unlink()
    with pytest.raises(NusegError, match=r"model\.onnx"):
        segment(draw(), 0.25, tmp_path)
    # A loaded Model is not checked again, and its engine is remembered.
    assert len(segment(draw(), 0.25, model, device="cpu", threads=1).nuclei) == 2


def test_mpp_goes_before_that_of_the_options() -> None:
    segmenter, options = Segmenter(MODEL, dark_network), SegmentOptions(mpp=0.5)
    assert segmenter(draw(), options=options).mpp == 0.5
    assert segmenter(draw(), 0.25, options=options).mpp == 0.25


def test_no_warning_is_raised_beside_the_notes(recwarn: pytest.WarningsRecorder) -> None:
    run(draw(), None)
    assert len(recwarn) == 0


def test_a_source_that_is_given_stays_open_after_an_error(tmp_path: Path) -> None:
    """What `segment` opens it closes; what it was given it leaves."""
    closed: list[str] = []
    with open_source(draw()) as source, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Source, "close", lambda self: closed.append(self.where))
        with pytest.raises(NusegError, match="um/px"):
            run(source, 3.0)
        assert closed == []
        write_png(tmp_path / "a.png", draw())
        with pytest.raises(NusegError, match="um/px"):
            run(tmp_path / "a.png", 3.0)
        assert closed == [str(tmp_path / "a.png")]
