"""What the widget does, on a stand-in for a layer: no napari is needed."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nuseg
from annotated import field
from dark_model import save_dark_model
from nuseg.errors import NusegError
from nuseg.io.image import write_png

pytest.importorskip("dask", reason="needs nuseg[napari]")
from nuseg.napari_plugin import task as tasks
from nuseg.napari_plugin.task import Task, do, drawn_in, in_view

PIXELS, TRUTH = field(0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_dark_model(tmp_path_factory.mktemp("model")).path)


def layer_of(data: Any, **changes: Any) -> SimpleNamespace:
    """A layer as napari has it."""
    axes = 2 + (getattr(data, "ndim", 3) == 4)
    properties = {
        "name": "he", "data": data, "rgb": True, "multiscale": False, "metadata": {}, "units": ("pixel",) * axes,
        "scale": np.ones(axes), "translate": np.zeros(axes),
    }  # fmt: skip
    return SimpleNamespace(**(properties | changes))


def whole(model: str, pixels: np.ndarray = PIXELS, mpp: float = 0.25) -> np.ndarray:
    return nuseg.segment(pixels, mpp, model).labels


def test_a_layer_in_um_is_taken_at_its_resolution(model: str) -> None:
    layer = layer_of(PIXELS, units=("micrometer",) * 2, scale=np.array([0.5, 0.5]), translate=np.array([10.0, 20.0]))
    found = do(Task(layer, model=model))
    labels, properties, kind = found.layer
    assert kind == "labels"
    assert np.array_equal(labels, whole(model, mpp=0.5))
    assert (properties["scale"], properties["translate"]) == ((0.5, 0.5), (10, 20))
    assert list(properties["features"]["index"]) == list(range(1, labels.max() + 1))
    assert found.text == "3 nuclei, 4,464 per mm² at 0.5 µm/px, model dark"
    assert found.notes == ()
    millimetres = layer_of(PIXELS, units=("millimeter",) * 2, scale=np.array([0.0005, 0.0005]))
    assert np.array_equal(do(Task(millimetres, model=model)).layer[0], labels)


def test_a_layer_in_px_has_a_note_unless_the_user_says_more(model: str) -> None:
    found = do(Task(layer_of(PIXELS), model=model))
    assert "0.25 um/px (40x) assumed" in found.notes[0]
    assert do(Task(layer_of(PIXELS), mpp=0.25, model=model)).notes == ()


def test_an_area_alone_is_segmented_and_lies_where_it_was_drawn(model: str) -> None:
    place = {"scale": np.array([2.0, 2.0]), "translate": np.array([100.0, 0.0])}
    corners = [np.array([[18.0, 25], [18, 45], [33, 45], [33, 25]])]  # y and x, around the second square
    found = do(Task(layer_of(PIXELS, **place), corners=corners, mpp=0.25, model=model))
    labels, properties, _ = found.layer
    assert labels.shape == (16, 21)
    assert properties["translate"] == (100 + 2 * 18, 2 * 25)
    assert np.array_equal(labels > 0, (TRUTH == 2)[18:34, 25:46])
    assert found.text.startswith("1 nucleus")


@pytest.mark.parametrize("corners", [[], [np.zeros((2, 2))], [np.zeros((4, 2))]])
def test_no_area_is_refused(model: str, corners: list[np.ndarray]) -> None:
    with pytest.raises(NusegError, match=r"^area: expected at least one polygon or rectangle, found none"):
        do(Task(layer_of(PIXELS), corners=corners, model=model))


def test_an_area_beside_the_image_and_one_too_large_are_refused(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = [np.array([[100.0, 100], [100, 120], [120, 120]])]
    with pytest.raises(NusegError, match="the area lies outside the image"):
        do(Task(layer_of(PIXELS), corners=beside, model=model))
    monkeypatch.setattr(tasks, "LARGEST", 100)
    with pytest.raises(NusegError, match="56 x 48 px are too many to draw at once"):
        do(Task(layer_of(PIXELS), model=model))


def test_one_image_of_a_stack_the_finest_of_a_pyramid_and_the_file_itself(model: str, tmp_path: Path) -> None:
    other = field(1)[0][::-1].copy()
    stack = layer_of(np.stack([other, PIXELS]))
    assert np.array_equal(do(Task(stack, step=(1, 3, 3), mpp=0.25, model=model)).layer[0], whole(model))
    pyramid = layer_of([PIXELS, PIXELS[::2, ::2]], multiscale=True)
    assert np.array_equal(do(Task(pyramid, mpp=0.25, model=model)).layer[0], whole(model))
    write_png(tmp_path / "a.png", other)
    named = layer_of(PIXELS, metadata={"nuseg": {"path": str(tmp_path / "a.png")}})
    assert np.array_equal(do(Task(named, mpp=0.25, model=model)).layer[0], whole(model, other))


def test_quality_goes_with_a_model_of_ones_own(model: str) -> None:
    task = Task(layer_of(PIXELS), mpp=0.25, model=model, quality="fast")
    assert np.array_equal(do(task).layer[0], whole(model))
    settings = do(replace(task, quality="best")).layer[1]["metadata"]["nuseg"]["summary"]["settings"]
    assert settings["views"] == 8


def test_what_is_seen_and_what_was_drawn() -> None:
    corner_pixels = np.array([[10, 4], [19, 7]])
    (corners,) = in_view(layer_of(PIXELS, corner_pixels=corner_pixels))
    assert corners.min(axis=0).tolist() == [9.5, 3.5]
    assert corners.max(axis=0).tolist() == [19.5, 7.5]
    pyramid = {"multiscale": True, "downsample_factors": np.array([[1, 1], [4, 4]]), "data_level": 1}
    (corners,) = in_view(layer_of([PIXELS, PIXELS[::4, ::4]], corner_pixels=corner_pixels, **pyramid))
    assert corners.min(axis=0).tolist() == [39.5, 15.5]
    assert corners.max(axis=0).tolist() == [79.5, 31.5]
    shapes = SimpleNamespace(data=[np.array([[0.0, 0], [0, 2], [2, 2]])], data_to_world=lambda place: place * 10)
    target = SimpleNamespace(world_to_data=lambda place: np.array([0, *(place / 5)]))
    (corners,) = drawn_in(shapes, target)
    assert corners.tolist() == [[0, 0], [0, 4], [4, 4]]
