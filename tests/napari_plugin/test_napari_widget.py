"""The widget and the readers in napari itself, without a screen."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nuseg
from annotated import field
from dark_model import save_dark_model
from nuseg.datasets.synthetic import synthetic_field

napari = pytest.importorskip("napari", reason="needs nuseg[napari]")
npe2 = pytest.importorskip("npe2", reason="needs nuseg[napari]")
from napari.components import ViewerModel  # noqa: E402
from napari.utils import notifications  # noqa: E402
from qtpy.QtWidgets import QApplication  # noqa: E402

from nuseg.napari_plugin import widget as widgets  # noqa: E402
from nuseg.napari_plugin.widget import SegmentWidget  # noqa: E402

MANIFEST = Path(nuseg.__file__).parent / "napari_plugin" / "napari.yaml"
PIXELS = field(0)[0]


@pytest.fixture(scope="module")
def application() -> QApplication:
    return QApplication.instance() or QApplication([])


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What napari is asked to tell."""
    texts: list[str] = []
    for name in ("show_error", "show_info"):
        monkeypatch.setattr(widgets, name, texts.append)
    return texts


@pytest.fixture
def viewer(application: QApplication) -> ViewerModel:
    made = ViewerModel()
    made.add_image(PIXELS, name="he", scale=(0.25, 0.25), units=("um", "um"))
    return made


@pytest.fixture
def widget(viewer: ViewerModel, tmp_path: Path) -> Iterator[SegmentWidget]:
    made = SegmentWidget(viewer)
    made.model.value = save_dark_model(tmp_path / "model").path
    yield made
    made.close()


def wait_until(done: Callable[[], Any]) -> None:
    """Let Qt work until something is so."""
    for _ in range(3000):
        QApplication.processEvents()
        if done():
            return
        time.sleep(0.01)
    pytest.fail("nothing came")


def test_a_click_adds_labels_that_can_be_edited(widget: SegmentWidget, viewer: ViewerModel, told: list[str]) -> None:
    widget.button.native.click()
    assert widget.button.text == "Stop"
    wait_until(lambda: len(viewer.layers) == 2)
    labels = viewer.layers["he nuclei"]
    assert np.array_equal(labels.data, nuseg.segment(PIXELS, 0.25, widget.model.value).labels)
    assert labels.scale.tolist() == viewer.layers["he"].scale.tolist() == [0.25, 0.25]
    assert widget.said.value == "3 nuclei, 17,857 per mm² at 0.25 µm/px, model dark"
    assert widget.button.text == "Segment nuclei"
    assert told == []
    labels.fill((8, 8), 0)
    assert len(np.unique(labels.data)) == 3, "one nucleus was taken away"
    assert list(labels.features["index"]) == [1, 2, 3]


def test_an_area_drawn_in_a_shapes_layer(widget: SegmentWidget, viewer: ViewerModel) -> None:
    corners = np.array([[18, 25], [18, 45], [33, 45], [33, 25]]) * 0.25
    viewer.add_shapes([corners], shape_type="rectangle", name="box", units=("um", "um"))
    assert tuple(widget.area.choices) == ("the whole image", "about what is seen", "drawn in box")
    widget.area.value = "drawn in box"
    widget.start_or_stop()
    wait_until(lambda: "he nuclei" in viewer.layers)
    labels = viewer.layers["he nuclei"]
    assert labels.data.shape == (16, 21)
    assert labels.translate.tolist() == [18 * 0.25, 25 * 0.25]
    assert labels.data.max() == 1


def test_choices_follow_the_layers(widget: SegmentWidget, viewer: ViewerModel, told: list[str]) -> None:
    viewer.add_image(PIXELS, name="other")
    assert set(widget.layer.choices) == {"other", "he"}
    viewer.layers.clear()
    assert widget.layer.choices == ()
    widget.start_or_stop()
    assert told == ["image: expected an image layer, found none; open an image"]


def test_errors_and_notes_are_told(widget: SegmentWidget, viewer: ViewerModel, told: list[str], tmp_path: Path) -> None:
    viewer.layers.clear()
    viewer.add_image(PIXELS, name="px")
    widget.start_or_stop()
    wait_until(lambda: told)
    assert "0.25 um/px (40x) assumed" in told[0]
    widget.model.value = tmp_path / "nothing"
    widget.start_or_stop()
    wait_until(lambda: len(told) == 2)
    assert "expected a shipped model" in told[1]
    assert widget.button.text == "Segment nuclei"


def test_stopped_work_adds_nothing(widget: SegmentWidget, viewer: ViewerModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(task: object, progress: Callable[[nuseg.Progress], None]) -> None:
        while True:
            progress(nuseg.Progress("segment", 1, 2, 7))
            time.sleep(0.01)

    monkeypatch.setattr(widgets, "do", endless)
    widget.start_or_stop()
    wait_until(lambda: widget.said.value == "7 nuclei")
    assert (widget.bar.value, widget.bar.max) == (1, 2)
    widget.start_or_stop()
    wait_until(lambda: widget.said.value == "stopped")
    assert [layer.name for layer in viewer.layers] == ["he"]


def test_the_viewer_opens_sample_slide_and_results(application: QApplication, tmp_path: Path) -> None:
    manager = npe2.PluginManager.instance()
    manager.register(npe2.PluginManifest.from_file(MANIFEST), warn_disabled=False)
    try:
        viewer = ViewerModel()
        viewer.open_sample("nuseg", "field")
        assert [type(layer).__name__ for layer in viewer.layers] == ["Image", "Labels"]
        viewer.layers.clear()
        pixels = synthetic_field(64, 64, 1, 0.25, 6000.0)[0]
        result = nuseg.segment(pixels, 0.25, save_dark_model(tmp_path / "model").path)
        path = result.save(tmp_path / "out", ["geojson"])["geojson"]
        (labels,) = viewer.open(path, plugin="nuseg")
        assert np.array_equal(labels.data > 0, result.mask[: labels.data.shape[0], : labels.data.shape[1]])
    finally:
        manager.unregister("nuseg")


def test_notifications_of_napari_are_what_the_widget_uses() -> None:
    assert (widgets.show_error, widgets.show_info) == (notifications.show_error, notifications.show_info)
