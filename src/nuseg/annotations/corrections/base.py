"""Whether the nuclei that somebody corrected are still those of the folder."""

from pathlib import Path

from nuseg.annotations.corrections.entries import Base
from nuseg.annotations.formats.results import summary_rows
from nuseg.errors import NusegError
from nuseg.text import plural


def base_of(home: Path, name: str, count: int) -> Base:
    """Say what tells the nuclei of an image from those of another segmentation.

    Parameters
    ----------
    home : Path
        Folder of results.
    name : str
        Of the image there.
    count : int
        Its nuclei.

    Raises
    ------
    NusegError
        The summary is damaged.
    """
    row = summary_rows(home).get(name, {})
    return Base(nuclei=count, settings=row.get("settings") or "", mean_area_um2=row.get("mean_area_um2") or "")


def check_base(path: Path, then: Base, now: Base) -> None:
    """Refuse corrections of nuclei that are there no more.

    Parameters
    ----------
    path : Path
        The journal, for the message.
    then, now : Base
        What it was begun with, and what there is.

    Raises
    ------
    NusegError
    """
    if then == now:
        return
    counts = f"{plural(then.nuclei, 'nucleus', 'nuclei')} then, {now.nuclei:,} now"
    raise NusegError(
        f"{path}: the image was segmented anew since these corrections were begun ({counts}), and they fit the former "
        "nuclei alone; segment it again as then, or move the file away to begin anew"
    )
