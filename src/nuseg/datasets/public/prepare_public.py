"""Make a nuseg dataset of a public one, as its authors distribute it."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from nuseg.datasets.findings import Finding
from nuseg.datasets.pairing import Pair, Pairs
from nuseg.datasets.prepare import Prepared, check_free, check_output, make_dataset
from nuseg.datasets.public.authors import ByAuthors
from nuseg.datasets.public.download import default_folder, fetch, how_by_hand
from nuseg.datasets.public.public_dataset import Content, PublicDataset
from nuseg.datasets.public.registry import public_datasets
from nuseg.datasets.public.tree import Tree, read_tree
from nuseg.datasets.settings import PrepareSettings
from nuseg.errors import NusegError
from nuseg.notebook import with_bars
from nuseg.progress import ProgressCallback

_KNOWN = (
    "images",
    "labels",
    "format",
    "annotation",
    "regions",
    "region_class",
    "group",
    "table",
    "group_column",
    "split_column",
    "mpp_column",
    "licence",
    "source",
)
"""Settings that a public dataset answers itself."""


@with_bars
def prepare_public(
    name: str,
    output: str | Path,
    from_: str | Path | Sequence[str | Path] = (),
    download: bool = False,
    settings: PrepareSettings | None = None,
    progress: ProgressCallback | None = None,
) -> Prepared:
    """Make a dataset of a public one: official split, licence, resolution, patients and classes as the authors say.

    Parameters
    ----------
    name : str
        One of `nuseg.public_datasets`.
    output : path
        The dataset to make.
    from_ : path or sequence of paths
        Folders and zip archives that hold what the authors distribute, in whatever way they were unpacked.
    download : bool
        Fetch what is not there yet, into the folder that is given or, without one, a folder for caches. Needs
        `nuseg[download]`.
    settings : PrepareSettings, optional
        `mpp`, `split` (the share of validation; all shares where the authors name no split), `seed`, `name`,
        `skip_unpaired` and `overwrite` count; the others are known.
    progress : function, optional
        Told of downloads, and after every image.

    Returns
    -------
    Prepared

    Raises
    ------
    NusegError
        No such dataset, its files are not there or damaged, the download fails, or settings that do not apply.
    """
    dataset, output, settings = public_datasets[name.lower()], Path(output), settings or PrepareSettings()
    _refuse_known(dataset, settings)
    places = [Path(place) for place in ([from_] if isinstance(from_, str | Path) else from_)]
    for place in places:
        check_output(place, output, settings.overwrite)
    check_free(output, settings.overwrite)
    if download:
        places = _downloaded(dataset, places, progress)
    if not places:
        raise NusegError(f"{dataset.name}: say where it lies: from=, or download=; {how_by_hand(dataset)}")
    with ExitStack() as stack:
        tree = read_tree(places, stack, unpack_in=output.resolve().parent)
        try:
            return _prepare(dataset, tree, output, settings, progress)
        except NusegError as problem:
            raise NusegError(tree.named(str(problem))) from problem


def _prepare(
    dataset: PublicDataset, tree: Tree, output: Path, settings: PrepareSettings, progress: ProgressCallback | None
) -> Prepared:
    content = _with_own_names(dataset.read(tree))
    plan = ByAuthors(dataset, content, settings)
    settings = replace(
        settings,
        format=content.format.name,
        annotation=dataset.annotation,
        name=settings.name or dataset.name,
        licence=dataset.licence,
        source=f"{dataset.title}: {dataset.citation}; {dataset.address}",
    )
    made = make_dataset(tree.places[0], output, _pairs(dataset, content), settings, plan, progress)
    findings = [*plan.findings(), *made.findings]
    return replace(
        made,
        decisions=[tree.named(decision) for decision in made.decisions],
        findings=[Finding(one.level, tree.named(one.text), one.name) for one in findings],
    )


def _pairs(dataset: PublicDataset, content: Content) -> Pairs:
    return Pairs(
        pairs=tuple(Pair(item.name, item.image, item.annotation) for item in content.items),
        unpaired_images=content.unpaired_images,
        unpaired_annotations=content.unpaired_annotations,
        layout=f"{dataset.title} as its authors distribute it",
        format=content.format,
        format_reason="as distributed",
    )


def _with_own_names(content: Content) -> Content:
    """Give images of one name in several splits the split's name in front, since a dataset has one of each name."""
    counts = Counter(item.name for item in content.items)
    items = tuple(
        replace(item, name=f"{item.split}_{item.name}") if counts[item.name] > 1 and item.split else item
        for item in content.items
    )
    twins = [name for name, count in Counter(item.name for item in items).items() if count > 1]
    if twins:
        first, second, *_ = (str(item.image) for item in items if item.name == twins[0])
        raise NusegError(f"{second}: is there twice, also as {first}; name the folder of one copy")
    return replace(content, items=items)


def _refuse_known(dataset: PublicDataset, settings: PrepareSettings) -> None:
    usual = PrepareSettings()
    for known in _KNOWN:
        if getattr(settings, known) != getattr(usual, known):
            raise NusegError(
                f"{known}=: is known of the public dataset {dataset.name}; leave it out, or prepare its folder by path"
            )


def _downloaded(dataset: PublicDataset, places: Sequence[Path], progress: ProgressCallback | None) -> list[Path]:
    """Fetch into the one folder that is given, or the usual one."""
    if len(places) > 1 or any(place.is_file() for place in places):
        raise NusegError("download=: goes with no more than one folder in from=, to download into")
    folder = places[0] if places else default_folder(dataset.name)
    return fetch(dataset, folder, progress)
