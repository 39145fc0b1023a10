"""`nuseg prepare`: a folder of images and annotations to a dataset."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuseg.cli.command import Command
from nuseg.cli.messages import as_options
from nuseg.cli.progress import progress_bar
from nuseg.errors import NusegError

if TYPE_CHECKING:
    from rich.table import Table

    from nuseg.datasets.prepare import Prepared


class Annotation(StrEnum):
    """What annotations mean."""

    instance = "instance"
    binary = "binary"


def check_format(given: str) -> str:
    """Refuse what is no annotation format."""
    from nuseg.annotations.registry import annotation_formats
    from nuseg.datasets.find import AUTO

    if given != AUTO and given not in annotation_formats:
        raise typer.BadParameter(f"{given!r} is not one of {', '.join((AUTO, *annotation_formats))}")
    return given


def formats_help() -> str:
    """Help on the formats of annotations, from their registry."""
    from nuseg.annotations.registry import annotation_formats

    listed = [f"[bold]{kind.name}[/bold]: {kind.help}" for kind in annotation_formats.values()]
    return "; ".join([*listed, "[bold]auto[/bold]: looks, and says what it took."])


PUBLIC = "Public datasets"


def names_in(given: str | None) -> tuple[str, ...]:
    """Give the names of a list with commas."""
    return tuple(name.strip() for name in (given or "").split(",") if name.strip())


FILES = "Files"
CLASSES = "Classes, and what is not known"
REGIONS = "Regions and corrections"
RESOLUTION = "Resolution"
SPLIT = "Split"
RECORD = "Record"


def prepare(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="Folder with images and annotations; results that were corrected in [bold]nuseg view[/bold]; or a "
            "public dataset ([bold]nuseg datasets[/bold]) with --from or --download.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("--out", "-o", help="Dataset folder to make.", show_default=False)],
    from_: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            metavar="PATH",
            help="Where a public dataset lies: folder or zip archive as its authors distribute it. May be given often.",
            show_default=False,
            rich_help_panel=PUBLIC,
        ),
    ] = None,
    download: Annotated[
        bool,
        typer.Option(
            "--download",
            help="Fetch a public dataset, into the folder of --from where that is given; resumed if interrupted.",
            rich_help_panel=PUBLIC,
        ),
    ] = False,
    images: Annotated[
        str | None,
        typer.Option(
            help="Folder of the images, in SOURCE or a path. [dim]Default: images/[/dim]", rich_help_panel=FILES
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Folder of the annotations, or file for many images, in SOURCE or a path. "
            "[dim]Default: labels/, masks/ or annotations/[/dim]",
            rich_help_panel=FILES,
        ),
    ] = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME",
            callback=check_format,
            help="How annotations are stored.",
            rich_help_panel=FILES,
        ),
    ] = "auto",
    annotation: Annotated[
        Annotation | None,
        typer.Option(
            help="[bold]binary[/bold]: touching nuclei are merged, so that training uses the mask alone. "
            "[dim]Default: binary for masks, else instance[/dim]",
            rich_help_panel=FILES,
        ),
    ] = None,
    skip_unpaired: Annotated[
        bool, typer.Option("--skip-unpaired", help="Leave out files without partner.", rich_help_panel=FILES)
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the dataset if it exists.", rich_help_panel=FILES)
    ] = False,
    table: Annotated[
        Path | None,
        typer.Option(help="CSV with a column [bold]name[/bold] and those named below.", rich_help_panel=FILES),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="OLD=NEW,...",
            help="New names of classes, or a YAML file of them; equal ones merge, an empty one takes the class away.",
            rich_help_panel=CLASSES,
        ),
    ] = None,
    ignore_class: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="Classes that mean: not known. Training and scores ignore their areas.",
            rich_help_panel=CLASSES,
        ),
    ] = None,
    ignore_label: Annotated[
        int | None,
        typer.Option(
            help="Number in label images and masks that means: not known, such as 255 or -1.", rich_help_panel=CLASSES
        ),
    ] = None,
    ignore: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Masks of what is not known, named like the images; nuclei that are annotated there stay.",
            rich_help_panel=CLASSES,
        ),
    ] = None,
    regions: Annotated[
        str | None,
        typer.Option(
            metavar="auto|FOLDER",
            help="Make one image of every region of interest: [bold]auto[/bold] takes annotated areas larger than any "
            "nucleus; else a folder or file of regions, named like the images or slides.",
            rich_help_panel=REGIONS,
        ),
    ] = None,
    region_class: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="Classes of the annotated areas that are regions of interest.",
            rich_help_panel=REGIONS,
        ),
    ] = None,
    compared_with: Annotated[
        str | None,
        typer.Option(
            metavar="RESULTS",
            help="Folder of results, or annotations, as they were before they were corrected: counts what was deleted, "
            "added and redrawn.",
            rich_help_panel=REGIONS,
        ),
    ] = None,
    mpp: Annotated[
        float | None,
        typer.Option(
            help="Micrometres per pixel of all images: 0.25 for most 40x scans, 0.5 for 20x. "
            "[dim]Default: what the files say, else 0.25 with a warning[/dim]",
            rich_help_panel=RESOLUTION,
        ),
    ] = None,
    mpp_column: Annotated[
        str | None, typer.Option(help="Column of --table with um per pixel.", rich_help_panel=RESOLUTION)
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            help="Regular expression on the name, with one group in parentheses: the patient or slide, which "
            "is never divided between splits. [dim]Default: every image is its own group[/dim]",
            rich_help_panel=SPLIT,
        ),
    ] = None,
    group_column: Annotated[
        str | None, typer.Option(help="Column of --table with the patient or slide.", rich_help_panel=SPLIT)
    ] = None,
    split: Annotated[
        str, typer.Option(help="Shares of train,validation,test.", rich_help_panel=SPLIT)
    ] = "0.7,0.15,0.15",
    split_column: Annotated[
        str | None,
        typer.Option(help="Column of --table with a given split: train, validation or test.", rich_help_panel=SPLIT),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed gives another split.", rich_help_panel=SPLIT)] = 0,
    name: Annotated[
        str | None,
        typer.Option(help="Name of the dataset. [dim]Default: its folder's[/dim]", rich_help_panel=RECORD),
    ] = None,
    licence: Annotated[str, typer.Option(help="Licence of the data.", rich_help_panel=RECORD)] = "not stated",
    source_text: Annotated[
        str, typer.Option("--source", help="Where the data come from, how to cite.", rich_help_panel=RECORD)
    ] = "not stated",
) -> None:
    """Make a dataset of images and annotations: pair, check, split, and draw a sheet to judge by.

    Images and annotations are paired by name ([bold]a1.png[/bold] with
    [bold]a1.tif[/bold], [bold]a1_mask.png[/bold] or the folder
    [bold]a1/[/bold]). Look at [bold]contact_sheet.png[/bold] in the dataset
    before you train on it.

    [bold]Examples[/bold]

    nuseg prepare mydata -o dataset --mpp 0.25

    Names like patient7_3.png, all images of a patient in one split:
    nuseg prepare mydata -o dataset --mpp 0.25 --group '^(.+?)_'

    Groups, resolutions and the split from a table:
    nuseg prepare mydata -o dataset --table list.csv --group-column patient --mpp-column mpp --split-column split

    A public dataset:  nuseg prepare monuseg --from Downloads -o monuseg

    A test set only:  nuseg prepare mydata -o testset --mpp 0.5 --split 0,0,1

    Points with classes by number:
    nuseg prepare brca -o points --mpp 0.5 --classes 1=lymphocyte,2=tumour,3=stroma

    Finished regions of results that were corrected in nuseg view:
    nuseg prepare results -o dataset

    Annotated regions of slides, corrected in QuPath:
    nuseg prepare slides --labels corrected -o dataset --regions auto --compared-with results

    Folders of your own naming:  nuseg prepare . -o dataset --images HE --labels ../nuclei --format binary
    """
    from nuseg.datasets.prepare import PrepareSettings
    from nuseg.datasets.prepare import prepare as make
    from nuseg.datasets.split import parse_fractions

    settings = PrepareSettings(
        images=images,
        labels=labels,
        format=format_,
        classes=classes,
        ignore_class=names_in(ignore_class),
        ignore_label=ignore_label,
        ignore=ignore,
        regions=regions,
        region_class=names_in(region_class),
        compared_with=compared_with,
        annotation=annotation.value if annotation else None,
        mpp=mpp,
        group=group,
        table=table,
        group_column=group_column,
        split_column=split_column,
        mpp_column=mpp_column,
        split=parse_fractions(split),
        seed=seed,
        name=name,
        licence=licence,
        source=source_text,
        skip_unpaired=skip_unpaired,
        overwrite=overwrite,
    )
    with progress_bar() as progress:
        if from_ or download:
            from nuseg.datasets.public.prepare_public import prepare_public

            prepared = prepare_public(str(source), output, from_ or (), download, settings, progress)
        else:
            refuse_name_alone(source)
            prepared = make(source, output, settings, progress)
    show(prepared)


def refuse_name_alone(source: Path) -> None:
    """Refuse the name of a public dataset without a place to read it from, unless it is a folder's.

    Raises
    ------
    NusegError
        Saying how to go on.
    """
    from nuseg.datasets.public.download import how_by_hand
    from nuseg.datasets.public.registry import public_datasets

    name = str(source).lower()
    if not source.exists() and name in public_datasets:
        dataset = public_datasets[name]
        way = "download=, or from= with its folder or archive" if dataset.downloads else how_by_hand(dataset)
        raise NusegError(f"{source}: no such folder; for the public dataset of this name: {way}")


def show(prepared: "Prepared") -> None:
    """Print what was decided and noticed, and the table of splits."""
    from rich.console import Console
    from rich.table import Table

    from nuseg.datasets.findings import gather

    console = Console(highlight=False, soft_wrap=True)
    for decision in prepared.decisions:
        console.print(as_options(decision), markup=False)
    colours = {"warning": "yellow", "note": "dim"}
    for level, line in gather(prepared.findings):
        console.print(as_options(f"{level}: {line}"), style=colours[level], markup=False)
    columns = Table("split", title=f"{prepared.dataset.name} ({prepared.dataset.annotation})", title_justify="left")
    for heading in ("images", "groups", "nuclei", "median nucleus um2"):
        columns.add_column(heading, justify="right")
    for split, count in prepared.counts.items():
        area = "-" if count.median_area_um2 is None else f"{count.median_area_um2:.1f}"
        columns.add_row(split, str(count.images), str(count.groups), str(count.nuclei), area)
    console.print(columns)
    if prepared.dataset.classes:
        console.print(class_table(prepared))
    root = prepared.dataset.root
    console.print(f"dataset: {root}\nlook at: {root / 'contact_sheet.png'}", markup=False)


def class_table(prepared: "Prepared") -> "Table":
    """Make the table of nuclei by class and split."""
    from rich.table import Table

    table = Table("class", *prepared.counts, title="nuclei by class", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for name in prepared.dataset.classes:
        table.add_row(name, *(str(count.classes[name]) for count in prepared.counts.values()))
    without = [count.nuclei - sum(count.classes.values()) for count in prepared.counts.values()]
    if any(without):
        table.add_row("without a class", *map(str, without))
    return table


COMMAND = Command("prepare", 40, prepare, {"format_": formats_help})
