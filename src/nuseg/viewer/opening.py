"""From what a user names to a viewer that is ready to run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nuseg.io.resolution import check_mpp
from nuseg.model.store import choose_model
from nuseg.results.output import require_packages

if TYPE_CHECKING:
    from nuseg.viewer.server import Viewer

NEEDS = ("starlette", "uvicorn", "filelock")


def require_server() -> None:
    """Check that what the server is made of is installed.

    Raises
    ------
    NusegError
        A package is missing; says how to install it.
    """
    require_packages("the viewer", NEEDS, "view")


def prepare_viewer(
    given: Sequence[str | Path],
    *,
    host: str = "127.0.0.1",
    port: int = 8123,
    read_only: bool = False,
    model: str | Path | None = None,
    mpp: float | None = None,
) -> "tuple[Viewer, tuple[str, ...]]":
    """Find what can be looked at, and make the server.

    Parameters
    ----------
    given : sequence of paths
        Folders of results, datasets, images, slides, folders of them, or patterns.
    host, port
        What to listen on; port 0 = any that is free.
    read_only : bool
        Whether nothing can be corrected.
    model : str or path, optional
        Of segmentation on demand.
    mpp : float, optional
        Resolution of images without results (um/px).

    Returns
    -------
    viewer : Viewer
    notes : tuple of str
        What was left out, and why.

    Raises
    ------
    NusegError
        A package is missing, there is nothing to look at, an option is wrong, or the port is taken.
    """
    require_server()
    from nuseg.viewer.contents import gather
    from nuseg.viewer.server import open_viewer
    from nuseg.viewer.shelf import Shelf

    if mpp is not None:
        check_mpp(mpp, "mpp=")
    if model is not None:
        choose_model(model)  # a wrong name is said now, not when the first part is looked for
    contents = gather(given, mpp)
    shelf = Shelf(contents.items, read_only, model, ", ".join(Path(one).name or str(one) for one in given))
    return open_viewer(shelf, host, port), contents.notes
