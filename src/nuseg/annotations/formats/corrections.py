"""Corrections that were made in `nuseg view`: the folder `corrections` in a folder of results.

Read are the nuclei of the results with all corrections: without those that were deleted or rejected, with those that
were added, with new outlines and classes. The finished regions are the regions of interest. Nuclei keep the ids that
results give them; of a nucleus that was split the largest part keeps it, of merged ones the largest nucleus."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely

from nuseg.annotations.annotation import Annotation, some
from nuseg.annotations.corrections.base import base_of, check_base
from nuseg.annotations.corrections.entries import Point
from nuseg.annotations.corrections.journal import FOLDER, SUFFIX, Journal, journal_path, read_journal
from nuseg.annotations.corrections.state import State, in_order
from nuseg.annotations.format import SURE, AnnotationFormat, Sniff
from nuseg.annotations.formats.results import FORMAT as RESULTS
from nuseg.annotations.object_ids import added_id
from nuseg.annotations.polygons import area
from nuseg.errors import NusegError


class Corrections(AnnotationFormat):
    """Results with their corrections."""

    name = "corrections"
    help = "corrections made in nuseg view, with the results that they lie in"
    kept = "outlines, ids, classes, finished regions, image names, sizes and resolutions"
    lost = "measures, verdicts"
    convention = "px of level 0 from the upper left corner of the image"
    has_classes = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise journals in a folder of results."""
        if path.name != FOLDER or not path.is_dir() or not any(path.glob(f"*{SUFFIX}")):
            return None
        if RESULTS.sniff(path.parent) is not None:
            return Sniff(SURE, f"{path.parent.name} has corrections of nuseg view")
        return None

    def find(self, folder: Path) -> list[Path]:
        """Give the folder itself if it is one."""
        return [folder] if self.sniff(folder) is not None else []

    def index(self, path: Path) -> list[str]:
        """Name the images that have corrections."""
        return sorted(file.name.removesuffix(SUFFIX) for file in path.glob(f"*{SUFFIX}") if file.is_file())

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read the corrected nuclei of an image.

        Raises
        ------
        NusegError
            The journal is damaged, or of another segmentation.
        """
        home = path.parent
        journal = read_journal(journal_path(home, image)) if path.name == FOLDER else None
        if journal is None:
            raise NusegError(f"{path}: has no corrections of {image[:200]}; correct it in nuseg view")
        found = RESULTS.load(home, image, shape)
        check_base(journal.path, journal.header.base, base_of(home, image, found.count))
        return corrected(found, journal.history.state, image)


FORMAT = Corrections()


def open_corrections(home: Path) -> dict[str, Journal]:
    """Read all journals in a folder of results, by the images' names; those not yet begun are left out.

    Raises
    ------
    NusegError
        One is damaged.
    """
    folder = home / FOLDER
    if FORMAT.sniff(folder) is None:
        return {}
    read = {name: read_journal(journal_path(home, name)) for name in FORMAT.index(folder)}
    return {name: journal for name, journal in read.items() if journal is not None}


def corrected(found: Annotation, state: State, image: str) -> Annotation:
    """Give nuclei with their corrections; those that were rejected are left out, too.

    Parameters
    ----------
    found : Annotation
        Outlines or a label image, as they were found.
    state : State
    image : str
        Its name, of which the ids of added nuclei are made.
    """
    polygons, names, ids = list(found.areas), list(found.names), list(found.identifiers)
    for place, change in state.changed.items():
        if change.polygon is not None:
            polygons[place] = _area(change.polygon)
        if change.reclassified:
            names[place] = change.name
    gone = state.deleted | {place for place, change in state.changed.items() if change.verdict == "rejected"}
    kept = [place for place in range(len(polygons)) if place not in gone]
    more = [(key, one) for key, one in in_order(state.added) if one.verdict != "rejected"]
    return replace(
        found,
        labels=None,
        polygons=(*(polygons[place] for place in kept), *(_area(one.polygon) for _, one in more)),
        classes=some([*(names[place] for place in kept), *(one.name for _, one in more)]),
        ids=some([*(ids[place] for place in kept), *(added_id(image, key) for key, _ in more)]),
        detections=None,
        regions=tuple(_area(region.polygon) for _, region in in_order(state.finished)),
    )


def _area(outline: tuple[Point, ...]) -> shapely.Geometry:
    return area([np.asarray(outline, np.float64)])
