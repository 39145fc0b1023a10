"""MATLAB files as HoVer-Net and CoNSeP have them: a label image `inst_map`, and the types of its nuclei.

Pixels are those of the image. `inst_type` holds one number per nucleus in the order of their labels, `type_map` one per
pixel; where both fit, the first counts, and of a `type_map` the most frequent number. Lizard's `class` and `id` are
read, too. Types are numbers, and 0 is none: the class is the number as text, unless the file has `type_names`, which
nuseg writes and other programs ignore. `inst_centroid` counts from the middle of the first pixel, as HoVer-Net does.
Files of MATLAB 7.3 need h5py."""

from pathlib import Path

import numpy as np

from nuseg.annotations.annotation import Annotation, some
from nuseg.annotations.format import BY_NAME, SURE, AnnotationFormat, Sniff
from nuseg.annotations.labels import present_labels, renumber
from nuseg.annotations.rle import LARGEST_MASK
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path

_HEAD = 128
_OLD, _NEW = b"MATLAB 5.0", b"MATLAB 7.3"
_MAP, _TYPES, _TYPE_MAP, _NAMES = "inst_map", "inst_type", "type_map", "type_names"
_LIZARD_TYPES, _LIZARD_IDS = "class", "id"
_WANTED = (_MAP, _TYPES, _TYPE_MAP, _NAMES, _LIZARD_TYPES, _LIZARD_IDS)


class HoverNet(AnnotationFormat):
    """A label image with types."""

    name = "hovernet"
    help = "MATLAB files of HoVer-Net, CoNSeP and Lizard"
    suffixes = (".mat",)
    kept = "labels, classes (numbers; names beside them)"
    lost = "ids, colours, overlaps (the smaller nucleus is on top)"
    convention = "pixels of the image; `inst_centroid` from the middle of the first pixel"
    has_classes = True
    numbers_classes = True
    raster = True

    def sniff(self, path: Path) -> Sniff | None:
        """Recognise MATLAB's first bytes and the name `inst_map`, which large files may hold far behind."""
        if not self.claims(path):
            return None
        with path.open("rb") as file:
            head = file.read(_HEAD)
        if head.startswith((_OLD, _NEW)):
            return Sniff(SURE, f"{path.name} is a MATLAB file")
        return Sniff(BY_NAME, f"{path.name} ends as a MATLAB file")

    def read(self, path: Path, image: str, shape: tuple[int, int] | None) -> Annotation:
        """Read labels and types; see the top of the module.

        Raises
        ------
        NusegError
            Not there, no MATLAB file, or without an `inst_map` of whole numbers.
        """
        held = _variables(path)
        if _MAP not in held:
            raise NusegError(f"{path}: has no variable {_MAP}, expected a label image of that name")
        stored = np.squeeze(held[_MAP]) if held[_MAP].ndim > 2 else held[_MAP]
        if stored.ndim != 2 or stored.dtype.kind not in "buif" or not np.isfinite(stored).all():
            raise NusegError(f"{path}: {_MAP} is {stored.dtype} {stored.shape}, expected (h, w) whole numbers")
        if (stored != np.rint(stored)).any() or stored.min(initial=0) < 0 or stored.max(initial=0) > LARGEST_MASK:
            raise NusegError(f"{path}: {_MAP} has fractions, negative or too large numbers, expected 0, 1, 2 ...")
        labels = stored.astype(np.int32)
        numbers = _types(held, labels)
        known = [str(name) for name in held.get(_NAMES, ())]
        names = tuple(_name(number, known) for number in numbers)
        return Annotation(labels, classes=some(names), vocabulary=tuple(name for name in known if name))

    def write(self, annotation: Annotation, path: Path) -> None:
        """Write a file of MATLAB 5, compressed."""
        from scipy.io import savemat

        if annotation.labels is None:
            raise NusegError(f"{path}: a label image cannot be written of polygons; draw them first")
        labels = renumber(annotation.labels)
        count = int(labels.max(initial=0))
        number_of = _numbers(annotation.all_classes)
        types = np.array(
            [0 if name is None else number_of[name] for name in annotation.classes or (None,) * count], int
        )
        y, x = np.indices(labels.shape)
        pixels = np.maximum(np.bincount(labels.ravel(), minlength=count + 1)[1:], 1)
        centroids = [np.bincount(labels.ravel(), place.ravel(), minlength=count + 1)[1:] / pixels for place in (x, y)]
        content = {_MAP: labels, "inst_centroid": np.stack(centroids, axis=1)}
        if annotation.classes is not None:
            table = np.concatenate([[0], types])
            names = np.full(max(number_of.values(), default=0), "", object)
            for name, number in number_of.items():
                names[number - 1] = name
            content |= {
                _TYPES: types[:, None].astype(np.int32),
                _TYPE_MAP: table[labels].astype(np.int32),
                _NAMES: names,
            }
        with atomic_path(path) as temporary:
            savemat(temporary, content, appendmat=False, do_compression=True)


FORMAT = HoverNet()


def _variables(path: Path) -> dict[str, np.ndarray]:
    """Read the variables that matter; too large ones are refused before they are unpacked."""
    from scipy.io import loadmat, whosmat

    with path.open("rb") as file:
        if file.read(_HEAD).startswith(_NEW):
            return _variables_73(path)
    sizes = {name: shape for name, shape, _ in whosmat(str(path), appendmat=False)}
    wanted = [name for name in _WANTED if name in sizes]
    for name in wanted:
        _check_size(path, name, sizes[name])
    content = loadmat(str(path), appendmat=False, variable_names=wanted) if wanted else {}
    found = {name: np.asarray(content[name]) for name in wanted}
    if _NAMES in found:
        found[_NAMES] = np.array([str(np.squeeze(one)) if np.size(one) else "" for one in found[_NAMES].ravel()])
    return found


def _variables_73(path: Path) -> dict[str, np.ndarray]:
    """Read a file of MATLAB 7.3, whose axes are turned round; without what lies in other files."""
    try:
        import h5py
    except ImportError as error:
        raise NusegError(f"{path}: is a file of MATLAB 7.3, which needs h5py: pip install 'nuseg[formats]'") from error
    found = {}
    with h5py.File(path, "r") as file:
        for name in _WANTED:
            if name == _NAMES or not isinstance(file.get(name, getlink=True), h5py.HardLink):
                continue
            variable = file[name]
            if not isinstance(variable, h5py.Dataset) or variable.external or variable.is_virtual:
                raise NusegError(f"{path}: {name} is no array within the file")
            _check_size(path, name, variable.shape)
            found[name] = np.asarray(variable[()]).T
    return found


def _check_size(path: Path, name: str, shape: tuple[int, ...]) -> None:
    if np.prod([float(side) for side in shape]) > LARGEST_MASK:
        raise NusegError(f"{path}: {name} has {shape} values, more than {LARGEST_MASK}")


def _types(held: dict[str, np.ndarray], labels: np.ndarray) -> list[int]:
    """Give the type of every nucleus, 0 for none, in the order of the labels."""
    present = present_labels(labels)
    for types_name, ids_name in ((_TYPES, None), (_LIZARD_TYPES, _LIZARD_IDS)):
        types = held.get(types_name)
        if types is None:
            continue
        flat = types.ravel().astype(np.int64)
        ids = held[ids_name].ravel().astype(np.int64) if ids_name in held else None
        if ids is not None and len(ids) == len(flat):
            by_id = dict(zip(ids.tolist(), flat.tolist(), strict=True))
            return [by_id.get(int(label), 0) for label in present]
        if len(flat) == len(present):
            return [int(number) for number in flat]
        if len(present) and len(flat) >= present[-1]:
            return [int(number) for number in flat[present - 1]]
    type_map = held.get(_TYPE_MAP)
    if type_map is None or type_map.shape != labels.shape:
        return [0] * len(present)
    order = renumber(labels)
    kinds, kind = np.unique(type_map, return_inverse=True)
    votes = np.zeros((len(present) + 1, len(kinds)), np.int64)
    np.add.at(votes, (order.ravel(), kind.ravel()), 1)
    votes[:, kinds <= 0] = 0
    return [int(kinds[row.argmax()]) if row.any() else 0 for row in votes[1:]]


def _name(number: int, known: list[str]) -> str | None:
    """Name a type: by the file's own names, else by its number."""
    if number <= 0:
        return None
    return known[number - 1] if number <= len(known) and known[number - 1] else str(number)


def _numbers(names: tuple[str, ...]) -> dict[str, int]:
    """Number classes: those that are numbers keep them, the others get the next that are free."""
    kept = {name: int(name) for name in names if name.isdecimal() and 0 < int(name) < 1000 and name == str(int(name))}
    free = iter(number for number in range(1, len(names) + 1001) if number not in kept.values())
    return {name: kept[name] if name in kept else next(free) for name in names}
