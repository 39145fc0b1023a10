"""A result in a cell of a notebook, or in the browser: the page of `nuseg view`, served by a thread of this process."""

from dataclasses import dataclass
from html import escape
from threading import Thread
from typing import TYPE_CHECKING

from nuseg.results.segmentation import Segmentation
from nuseg.results.summary import result_row
from nuseg.results.views import View
from nuseg.viewer.opening import require_server

if TYPE_CHECKING:
    import uvicorn

    from nuseg.viewer.items import Item
    from nuseg.viewer.server import Viewer


@dataclass
class BrowserView:
    """A result that is being shown; notebooks show it in a cell.

    Attributes
    ----------
    url : str
        Its address, which only this machine reaches.
    height : int
        Of the cell (px).
    """

    url: str
    height: int
    _viewer: "Viewer"
    _server: "uvicorn.Server"
    _thread: Thread

    def close(self) -> None:
        """End the server; the result stays open."""
        self._server.should_exit = True
        self._thread.join()
        self._viewer.close()

    def _repr_html_(self) -> str:
        return (
            f'<iframe src="{escape(self.url)}" title="nuseg" allow="fullscreen; clipboard-write" '
            f'style="width: 100%; height: {self.height:d}px; border: 0"></iframe>'
        )


def show(result: Segmentation, height: int, port: int) -> BrowserView:
    """Show a result.

    Parameters
    ----------
    result : Segmentation
        Must stay open as long as it is looked at.
    height : int
        Of the cell (px).
    port : int
        0 = any that is free.

    Returns
    -------
    BrowserView

    Raises
    ------
    NusegError
        A package is missing, or the port is taken.
    """
    require_server()
    from nuseg.viewer.server import open_viewer
    from nuseg.viewer.shelf import Shelf

    viewer = open_viewer(Shelf([as_item(result)], read_only=True, title=result.info.name), port=port, framed=True)
    server = viewer.server()
    thread = Thread(target=server.run, args=([viewer.listening],), name="nuseg view", daemon=True)
    thread.start()
    return BrowserView(viewer.url, height, viewer, server, thread)


def as_item(result: Segmentation) -> "Item":
    """Make an item of a result in memory; it can be looked at, not corrected."""
    from nuseg.viewer.items import Item, Layer, item_id
    from nuseg.viewer.reading import from_batches

    info = result.info
    layer = Layer(
        "result",
        info.model or "result",
        "result",
        lambda: from_batches(info.name, list(result.batches())),
        count_error=result.count_error,
    )
    return Item(
        id=item_id(info.path or info.name),
        name=info.name,
        kind=info.kind,
        width=info.width,
        height=info.height,
        mpp=info.mpp,
        layers=(layer,),
        row=result_row(info.name, info.file or "", result, ""),
        warnings=info.notes,
        source=result.source,
    )


VIEW = View("browser", show)
