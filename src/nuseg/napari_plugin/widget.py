"""The widget: segment a layer, or an area of it, with its progress."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import ComboBox, Container, FileEdit, FloatSpinBox, Label, ProgressBar, PushButton
from napari.layers import Image, Layer, Shapes
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from nuseg.errors import NusegError
from nuseg.model.store import QUALITIES
from nuseg.napari_plugin.task import Found, Task, do, drawn_in, in_view
from nuseg.progress import Progress

if TYPE_CHECKING:
    from napari.components import ViewerModel

POLL = 100  # ms
CONTOUR = 2  # px: the image stays visible inside of the nuclei
WHOLE, SEEN = "the whole image", "about what is seen"
SHAPES = "drawn in "


class Stopped(Exception):
    """The user wants no more."""


class SegmentWidget(Container):  # type: ignore[misc]
    """Segments the nuclei of an image layer in the background, and adds them as a Labels layer that can be edited.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        By this name napari hands it over.
    """

    def __init__(self, napari_viewer: "ViewerModel") -> None:
        self.viewer = viewer = napari_viewer
        self.layer = ComboBox(label="image", choices=lambda _: self.names(Image), nullable=False)
        self.area = ComboBox(label="area", choices=lambda _: self.areas())
        self.quality = ComboBox(label="quality", choices=list(QUALITIES), value="default")
        self.model = FileEdit(label="own model", mode="d", value="", nullable=True)
        self.mpp = FloatSpinBox(label="µm per px", value=0, min=0, max=2, step=0.0001)
        self.button = PushButton(text="Segment nuclei")
        self.bar = ProgressBar(value=0, max=1, visible=False)
        self.said = Label(value="")
        self.mpp.tooltip = "0: as the layer or its file say, else 0.25 with a note"
        self.model.tooltip = "a run folder or model folder; empty: the model that comes with nuseg"
        self.area.tooltip = "draw rectangles or polygons in a Shapes layer to segment them alone"
        super().__init__(
            widgets=[self.layer, self.area, self.quality, self.model, self.mpp, self.button, self.bar, self.said]
        )
        self._pool = ThreadPoolExecutor(1)
        self._work: Future[Found] | None = None
        self._state: Progress | None = None
        self._stop = False
        self._timer = QTimer(self.native)
        self._timer.timeout.connect(self.poll)
        self.button.changed.connect(self.start_or_stop)
        QApplication.instance().aboutToQuit.connect(self.stop)
        for event in (viewer.layers.events.inserted, viewer.layers.events.removed, viewer.layers.events.reordered):
            event.connect(self.reset_choices)

    def names(self, kind: type[Layer]) -> list[str]:
        """Name the layers of a kind, the uppermost first."""
        return [layer.name for layer in reversed(self.viewer.layers) if isinstance(layer, kind)]

    def areas(self) -> list[str]:
        """Name the areas that can be chosen."""
        return [WHOLE, SEEN, *(f"{SHAPES}{name}" for name in self.names(Shapes))]

    def corners(self) -> Sequence[np.ndarray] | None:
        """Give the chosen area, as a `Task` takes it."""
        layer, area = self.viewer.layers[self.layer.value], self.area.value
        if area == WHOLE:
            return None
        return in_view(layer) if area == SEEN else drawn_in(self.viewer.layers[area.removeprefix(SHAPES)], layer)

    def task(self) -> Task:
        """Put together what is asked for.

        Raises
        ------
        NusegError
            There is no image layer.
        """
        if self.layer.value is None:
            raise NusegError("image: expected an image layer, found none; open an image")
        own = self.model.value
        return Task(
            layer=self.viewer.layers[self.layer.value],
            step=tuple(self.viewer.dims.current_step),
            corners=self.corners(),
            mpp=self.mpp.value or None,
            quality=self.quality.value,
            model=str(own) if own is not None and str(own) not in ("", ".") else None,
        )

    def start_or_stop(self) -> None:
        """Begin the work, or end it where it runs."""
        if self._work is not None:
            self.stop()
            self.say("stopping ...")
            return
        try:
            task = self.task()
        except NusegError as error:
            self.fail(error)
            return
        self._stop, self._state = False, None
        self._work = self._pool.submit(do, task, self.take_note)
        self.button.text = "Stop"
        self.say("loading the model ...")
        self._timer.start(POLL)

    def stop(self) -> None:
        """End the work after the running tile."""
        self._stop = True

    def take_note(self, state: Progress) -> None:
        """Keep how far the work is; called from its thread."""
        if self._stop:
            raise Stopped
        self._state = state

    def poll(self) -> None:
        """Show how far the work is, or what came of it."""
        if self._work is None:
            return
        if self._state is not None and not self._stop:
            self.bar.visible = True
            self.bar.max, self.bar.value = self._state.total, self._state.done
            self.say(f"{self._state.nuclei:,} nuclei")
        if self._work.done():
            work, self._work = self._work, None
            self._timer.stop()
            self.bar.visible = False
            self.button.text = "Segment nuclei"
            self.take(work)

    def take(self, work: "Future[Found]") -> None:
        """Add the layer that came of the work, or say why there is none."""
        try:
            found = work.result()
        except Stopped:
            self.say("stopped")
            return
        except NusegError as error:
            self.fail(error)
            return
        labels, properties, _ = found.layer
        self.viewer.add_labels(labels, **properties).contour = CONTOUR
        self.say(found.text)
        for note in found.notes:
            show_info(note)

    def say(self, text: str) -> None:
        """Show a line below the button."""
        self.said.value = text

    def fail(self, error: Exception) -> None:
        """Show an error."""
        self.say("")
        show_error(str(error))

    def close(self) -> Any:
        """End the work, and close."""
        self.stop()
        self._pool.shutdown(wait=False, cancel_futures=True)
        return super().close()
