"""What folders and files hold that can be looked at: results, datasets, images; and which of it is of one image."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from nuseg.annotations.dataset_file import FILE as DATASET_FILE
from nuseg.datasets.dataset import Dataset
from nuseg.datasets.dataset import Item as Annotated
from nuseg.engines.threads import available_cores
from nuseg.errors import NusegError
from nuseg.io.opening import open_source
from nuseg.io.paths import same_name, user_path
from nuseg.io.resolution import check_mpp
from nuseg.results.naming import result_name
from nuseg.results.ownership import is_results_folder
from nuseg.results.records import SUFFIX, Record, Records
from nuseg.segmentation.folder import find_inputs
from nuseg.text import printable, shortened
from nuseg.viewer.corrections.writing import is_writable
from nuseg.viewer.items import Item, Layer, item_id
from nuseg.viewer.nuclei import REACH
from nuseg.viewer.reading import DRAWN, TABLES, read_result, read_truth

OUTLINED = (("geoparquet", ".parquet"), *DRAWN)
NO_MPP = "the file states no resolution: sizes and densities are not known"
READERS = 4  # files that are opened at once
MISSING = "the image was not found where it was when it was segmented; name it beside the results"

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Contents:
    """Items to look at, and what the user should know of what was left out."""

    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()


def gather(given: Sequence[str | Path], mpp: float | None = None) -> Contents:
    """Find what can be looked at.

    Parameters
    ----------
    given : sequence of paths
        Folders of results, datasets, images, slides, folders of them, or patterns.
    mpp : float, optional
        Resolution (um/px) of images without results, over what the files say.

    Returns
    -------
    Contents
        Results, truth and pixels of one image are one item.

    Raises
    ------
    NusegError
        There is nothing.
    """
    notes: list[str] = []
    roots = [user_path(Path(one)) for one in given]
    inside = [root.resolve() for root in roots if root.is_dir()]
    others: list[str] = []
    found: list[Item] = []
    for root in roots:
        if (root / DATASET_FILE).is_file():
            found += of_dataset(root)
        elif root.is_dir() and is_results_folder(root):
            found += of_results(root, inside, notes)
        else:
            others.append(str(root))
    if others:
        images, missing, left_out = find_inputs(others)
        notes += [*missing, *left_out]
        linked = [path for path in images if is_link_out(path, inside) and str(path) not in others]
        notes += [f"{printable(path)}: a link out of the folder that was named: left out" for path in linked]
        shown = [path for path in images if path not in linked]
        for made in at_once(partial(of_image_or_problem, mpp=mpp), shown):
            if isinstance(made, Item):
                found.append(made)
            else:
                notes.append(made)
    items = tuple(merged(found))
    if not items:
        raise NusegError("\n".join(notes) or "nothing to look at: name results, a dataset, images or slides")
    return Contents(items, tuple(notes))


def at_once(make: Callable[[Given], Made], given: Sequence[Given]) -> list[Made]:
    """Make something of each of many files, several at a time: most of it is decoding."""
    with ThreadPoolExecutor(min(READERS, available_cores())) as pool:
        return list(pool.map(make, given))


def of_image_or_problem(path: Path, mpp: float | None) -> Item | str:
    """Make an item of an image or a slide, or say why it cannot be opened."""
    try:
        return of_image(path, mpp)
    except NusegError as problem:
        return str(problem)


def of_image(path: Path, mpp: float | None) -> Item:
    """Make an item of an image or a slide."""
    place = path.resolve()
    with open_source(path) as source:
        resolution = source.resolution(mpp) if mpp is not None or source.mpp is not None else None
        return Item(
            id=item_id(place),
            name=path.stem,
            kind=source.kind,
            width=source.width,
            height=source.height,
            mpp=resolution.mpp if resolution else None,
            image=place,
            warnings=() if resolution else (NO_MPP,),
        )


def of_dataset(folder: Path) -> list[Item]:
    """Make an item of each image of a dataset, with its annotated nuclei as truth."""
    dataset, root = Dataset.load(folder), folder.resolve()
    title = f"{shortened(dataset.name)}: truth" + (" (points)" if dataset.annotation == "points" else "")

    def make(one: Annotated) -> Item:
        for file in (one.image, one.label, one.table, one.points):
            if file is not None and not file.resolve().is_relative_to(root):
                raise NusegError(f"{file}: a link out of the dataset; copy the file itself into it")
        truth = Layer("truth", title, "truth", partial(read_truth, one, dataset.classes))
        return replace(of_image(one.image, one.mpp), name=one.name, layers=(truth,), warnings=())

    return at_once(make, dataset.items)


def of_results(folder: Path, inside: Sequence[Path], notes: list[str]) -> list[Item]:
    """Make an item of each image that a folder has results of; failed ones are noted."""
    home, made = folder.resolve(), []
    writable = is_writable(home)
    if not writable:
        notes.append(f"{printable(folder)}: cannot be written, so nothing can be corrected; copy it to another place")
    records = Records(home)
    known = records.read()
    damaged = sorted(file.stem for file in records.place.glob(f"[!.]*{SUFFIX}") if file.stem not in known)
    lost = "the record of {} is damaged: left out; segment it again"
    notes += [f"{printable(folder)}: {lost.format(printable(name))}" for name in damaged]
    for name, record in known.items():
        row = record.row
        if row.error or not (row.width and row.height):
            notes.append(f"{printable(folder)}: {printable(name)} has no results ({shortened(row.error) or 'no size'})")
            continue
        if max(row.width, row.height) > REACH:
            notes.append(f"{printable(folder)}: {printable(name)} states a size beyond any slide: left out")
            continue
        if name != result_name(name):  # what a file states becomes no path
            notes.append(f"{printable(folder)}: {shortened(name)} is no name of results: left out")
            continue
        places = (home / kind / f"{name}{end}" for kind, end in (*OUTLINED, *TABLES))
        links = [file for file in places if not file.resolve().is_relative_to(home)]
        if links:
            notes.append(f"{printable(links[0])}: a link out of the folder of results: left out")
            continue
        image, warning = picture_of(record, inside)
        warnings = [text for text in (warning, shortened(row.warning, 1000)) if text]
        label = shortened(folder.name or str(home)) + (f": {shortened(row.model)}" if row.model else "")
        layer = Layer(
            "result",
            label,
            "result",
            partial(read_result, home, name, plausible(row.mpp)),
            editable=True,
            writable=writable,
            count_error=record.count_error,
        )
        made.append(
            Item(
                id=item_id(image or home / name),
                name=name,
                kind=record.kind,
                width=row.width,
                height=row.height,
                mpp=plausible(row.mpp),
                image=image,
                home=home,
                layers=(layer,),
                row=row,
                warnings=tuple(warnings),
            )
        )
    return made


def picture_of(record: Record, inside: Sequence[Path]) -> tuple[Path | None, str]:
    """Find the image of a result, with a warning where something is wrong with it.

    The path that a result states is followed only where the file is the one that was segmented, or lies in a folder
    that was named: results of a stranger open no other file.
    """
    path = Path(record.row.image)
    try:
        there = path.is_absolute() and path.is_file()
    except (OSError, ValueError):
        there = False
    if not there:
        return None, MISSING
    same = record.state is not None and record.state.holds(path)
    if not same and not stays_inside(path, inside):
        return None, MISSING
    return path.resolve(), "" if same or record.state is None else "the image was changed since it was segmented"


def is_link_out(path: Path, folders: Sequence[Path]) -> bool:
    """Whether a file is a link that leads out of the folders that were named."""
    return path.is_symlink() and not stays_inside(path, folders)


def stays_inside(path: Path, folders: Sequence[Path]) -> bool:
    """Whether a file lies in one of some folders, links followed."""
    place = path.resolve()
    return any(place.is_relative_to(folder) for folder in folders)


def plausible(mpp: float | None) -> float | None:
    """Give a resolution that a file states, or None where it cannot be one."""
    try:
        return None if mpp is None else check_mpp(mpp, "")
    except NusegError:
        return None


def merged(found: Sequence[Item]) -> list[Item]:
    """Put what is of one image together: what has its file; else what has its name and size, where that is plain."""
    items: dict[str, Item] = {}
    for one in found:
        items[one.id] = together(items[one.id], one) if one.id in items else one
    groups: dict[tuple[str, int, int], list[Item]] = {}
    for one in items.values():
        groups.setdefault((same_name(one.name), one.width, one.height), []).append(one)
    return [one for group in groups.values() for one in combined(group)]


def combined(group: Sequence[Item]) -> list[Item]:
    """Put together items of one name and size that complete one another: image and results, or results and truth."""
    whole: list[Item] = []
    for one in sorted(group, key=lambda item: (item.image is None, not item.layers)):
        kinds = {layer.kind for layer in one.layers}
        fitting = [
            at
            for at, other in enumerate(whole)
            if other.image is None or one.image is None or kinds.isdisjoint(layer.kind for layer in other.layers)
            if kinds or other.layers
        ]
        if len(fitting) == 1:
            whole[fitting[0]] = together(whole[fitting[0]], one)
        else:
            whole.append(one)
    return whole


def together(first: Item, second: Item) -> Item:
    """Make one item of two of one image: every layer of both, the first result is the one to correct."""
    ranked = sorted((first, second), key=lambda item: item.row is None)
    layers: list[Layer] = []
    for layer in sorted((layer for item in ranked for layer in item.layers), key=lambda layer: layer.kind == "truth"):
        number = sum(other.kind == layer.kind for other in layers)
        own = f"{layer.kind}{number + 1}" if number else layer.kind
        layers.append(replace(layer, id=own, editable=layer.editable and not number))
    mpp = ranked[0].mpp or ranked[1].mpp
    pictured = next((item for item in ranked if item.image is not None), ranked[0])
    mended = {text for text, is_mended in ((MISSING, pictured.image), (NO_MPP, mpp)) if is_mended}
    warnings = dict.fromkeys((*first.warnings, *second.warnings))
    return replace(
        ranked[0],
        id=pictured.id,
        image=pictured.image,
        mpp=mpp,
        layers=tuple(layers),
        warnings=tuple(text for text in warnings if text not in mended),
    )
