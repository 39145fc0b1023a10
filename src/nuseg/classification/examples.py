"""Nuclei that a user marked with a class, found among those of results."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import shapely

from nuseg.annotations.classes import PLAIN_CLASS
from nuseg.annotations.formats.geojson import EXPECTED
from nuseg.annotations.geojson_objects import areas, objects, places
from nuseg.annotations.json_file import read_json
from nuseg.annotations.polygons import area as area_of
from nuseg.annotations.registry import format_of
from nuseg.classification.features import matched
from nuseg.classification.files import ImageResult
from nuseg.errors import NusegError
from nuseg.io.paths import same_name
from nuseg.measure.classes import check_names
from nuseg.text import plural, printable, shortened
from nuseg.types import Floats, Integers

MATCH_IOU = 0.3  # a nucleus drawn by hand, and found by the model, overlap so far at least
REACH_UM = 40.0  # nuclei whose centroid is further from a mark are not looked at
SHOWN_PLACES = 3
SUFFIXES = (".geojson.gz", ".geojson")


@dataclass
class Marks:
    """What a user marked on one image.

    Attributes
    ----------
    shapes : list of shapely.Geometry
        Points or areas, in px of level 0.
    classes : list of str
        Class of each.
    files : list of Path
        Where they come from.
    """

    shapes: list[shapely.Geometry] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Found:
    """Examples on one image.

    Attributes
    ----------
    rows : (k,) int64
        Rows of the nuclei in the table, ascending.
    classes : list of k str
    notes : list of str
        Which marks gave no example, and why.
    """

    rows: Integers
    classes: list[str]
    notes: list[str]


def read_marks(paths: Sequence[Path], results: Sequence[ImageResult]) -> dict[str, Marks]:
    """Read what was marked, by the name of the image's results.

    A file belongs to the image of its name; where there is one image, every file does. Objects without a class, and
    those of the class "Nucleus", which all nuclei of results have, are no marks.

    Raises
    ------
    NusegError
        A file cannot be read, belongs to no image, or nothing is marked.
    """
    names = {same_name(result.name): result.name for result in results}
    only = results[0].name if len(results) == 1 else None
    marks: dict[str, Marks] = defaultdict(Marks)
    for path in example_files(paths):
        for image, shapes, classes in file_marks(path):
            name = names.get(same_name(image), only)
            if name is None:
                raise NusegError(
                    f"{printable(path)}: expected the name of an image in the results, such as "
                    f"{printable(results[0].name)}, found {shortened(image)}; rename the file"
                )
            marks[name].shapes += shapes
            marks[name].classes += classes
            marks[name].files += [path] * len(shapes)
    if not any(one.shapes for one in marks.values()):
        raise NusegError(
            f"{', '.join(printable(path) for path in paths[:SHOWN_PLACES])}: expected points or outlines with a class, "
            "found none; give nuclei a class in QuPath, and export them as GeoJSON"
        )
    return dict(marks)


def example_files(paths: Sequence[Path]) -> list[Path]:
    """List the files of examples that files and folders name; of a folder those in GeoJSON.

    Raises
    ------
    NusegError
        One is not there, or a folder has none.
    """
    found: list[Path] = []
    for path in paths:
        inside = [path]
        if path.is_dir():
            inside = sorted(file for file in path.iterdir() if file.name.lower().endswith(SUFFIXES))
        if not inside or not inside[0].is_file():
            what = "no file" if not path.exists() else "none"
            raise NusegError(f"{printable(path)}: expected examples in GeoJSON, as QuPath exports them, found {what}")
        found += inside
    return list(dict.fromkeys(found))


def file_marks(path: Path) -> list[tuple[str, list[shapely.Geometry], list[str]]]:
    """Read the marks of a file: for each image its name, shapes and their classes."""
    kind = format_of(path)
    if kind.name == "geojson":
        return [geojson_marks(path)]
    read = []
    for image in kind.images(path) or [path.stem]:
        drawn = kind.load(path, image)
        shapes = list(shapely.points(drawn.points)) if drawn.points is not None else list(drawn.areas)
        kept = [place for place, name in enumerate(drawn.names) if name not in (None, PLAIN_CLASS)]
        names = [checked(path, str(drawn.names[place])) for place in kept]
        read.append((Path(image).stem, [shapes[place] for place in kept], names))
    return read


def geojson_marks(path: Path) -> tuple[str, list[shapely.Geometry], list[str]]:
    """Read points and areas alike, which `nuseg.annotations` takes for nuclei only where there are no areas."""
    shapes: list[shapely.Geometry] = []
    classes: list[str] = []
    name = next((path.name[: -len(suffix)] for suffix in SUFFIXES if path.name.lower().endswith(suffix)), path.stem)
    try:
        for drawn in objects(read_json(path, EXPECTED)):
            if drawn.name is None or drawn.name == PLAIN_CLASS:
                continue
            area = areas(drawn.geometry)
            here = list(shapely.points(places(drawn.geometry))) if area is None or area.is_empty else [area]
            shapes += here
            classes += [checked(path, drawn.name)] * len(here)
    except (ValueError, shapely.errors.GEOSException) as error:
        where = f"object {len(shapes) + 1}: " if shapes else ""
        raise NusegError(f"{path}: damaged GeoJSON ({where}{error}); export the examples again") from error
    return name, shapes, classes


def checked(path: Path, name: str) -> str:
    """Give the name of a class that can be a column of a table.

    Raises
    ------
    NusegError
        It cannot.
    """
    try:
        return check_names((name,))[0]
    except ValueError as error:
        raise NusegError(f"{path}: class {shortened(repr(name))}: {shortened(str(error))}; rename it") from error


def find_examples(result: ImageResult, marks: Marks, ids: Integers, centroids: Floats) -> Found:
    """Find the nuclei that were marked.

    A point marks the nucleus whose outline holds it, of several the smallest; an area the nucleus that it overlaps
    most, where intersection over union is `MATCH_IOU` or more. A nucleus that is marked with two classes is no example.

    Parameters
    ----------
    result : ImageResult
    marks : Marks
        On its image.
    ids : (n,) int64
        Of all its nuclei.
    centroids : (n, 2) float64
        In px of level 0.
    """
    shapes = np.array(marks.shapes, object)
    if not len(shapes):
        return Found(np.zeros(0, np.int64), [], [])
    best = np.full(len(shapes), -np.inf)
    owner = np.full(len(shapes), -1)
    tree = shapely.STRtree(shapely.buffer(shapes, REACH_UM / result.mpp, quad_segs=2))
    near = np.zeros(len(ids), bool)
    near[tree.query(shapely.points(centroids), predicate="intersects")[0]] = True
    marked = shapely.STRtree(shapes)
    for rows, outlines in matched(result, ids):
        kept = np.flatnonzero(near[rows])
        if not len(kept):
            continue
        nuclei = np.array([area_of([outlines[place]]) for place in kept], object)
        place, mark = marked.query(nuclei, predicate="intersects")
        fits = fit(shapes[mark], nuclei[place])
        for own, which, how in zip(rows[kept[place]].tolist(), mark.tolist(), fits.tolist(), strict=True):
            if how > best[which]:
                best[which], owner[which] = how, own
    return gathered(marks, np.where(np.isfinite(best), owner, -1))


def fit(marks: np.ndarray, nuclei: np.ndarray) -> Floats:
    """Say how well marks and nuclei that meet belong together, `(n,)`; minus infinity where they do not."""
    sizes = shapely.area(nuclei)
    common = shapely.area(shapely.intersection(marks, nuclei))
    iou = common / np.maximum(shapely.area(marks) + sizes - common, 1e-9)
    is_point = shapely.get_dimensions(marks) == 0
    found: Floats = np.where(is_point, -sizes, np.where(iou >= MATCH_IOU, iou, -np.inf))
    return found


def gathered(marks: Marks, owner: Integers) -> Found:
    """Give each marked nucleus once, and say which marks gave none."""
    votes: dict[int, set[str]] = defaultdict(set)
    missed: dict[Path, list[int]] = defaultdict(list)
    for mark, row in enumerate(owner.tolist()):
        if row < 0:
            missed[marks.files[mark]].append(mark)
        else:
            votes[row].add(marks.classes[mark])
    notes = [missed_note(marks, path, without) for path, without in missed.items()]
    torn = [row for row, names in votes.items() if len(names) > 1]
    if torn:
        names = ", ".join(sorted(votes[torn[0]]))
        notes.append(
            f"{plural(len(torn), 'nucleus', 'nuclei')} marked with several classes (such as {shortened(names)}): "
            "left out"
        )
    rows = sorted(row for row, names in votes.items() if len(names) == 1)
    return Found(np.array(rows, np.int64), [next(iter(votes[row])) for row in rows], notes)


def missed_note(marks: Marks, path: Path, without: list[int]) -> str:
    """Say which marks of a file lie on no nucleus."""
    count = sum(file == path for file in marks.files)
    at = [shapely.get_coordinates(shapely.centroid(marks.shapes[mark]))[0] for mark in without[:SHOWN_PLACES]]
    listed = "; ".join(f"{x:.0f}, {y:.0f}" for x, y in at) + ("; ..." if len(without) > len(at) else "")
    kinds = ", ".join(
        f"{number} {shortened(name, 40)}" for name, number in Counter(marks.classes[m] for m in without).items()
    )
    return (
        f"{printable(path)}: {len(without):,} of {plural(count, 'example')} on no nucleus of the results "
        f"({kinds}; at x, y px: {listed}): left out"
    )
