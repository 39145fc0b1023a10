"""`nuseg export`: a run's best checkpoint, or a model folder, to a model folder or a package for bioimage.io."""

import shutil
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuseg.cli.command import Command
from nuseg.errors import NusegError

if TYPE_CHECKING:
    from nuseg.model.store import Model

FIELD_SEED, FIELD_DENSITY = 5, 6000.0  # of the generated field that a package is tested with


class Target(StrEnum):
    """What to make."""

    NUSEG = "nuseg"
    BIOIMAGEIO = "bioimageio"


def export(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="Run folder, model folder, or shipped model.")],
    output: Annotated[Path, typer.Option("--out", "-o", help="Model folder to make; for bioimage.io also a .zip.")],
    name: Annotated[str | None, typer.Option(help="Name of the model; default: the folder's.")] = None,
    description: Annotated[str | None, typer.Option(help="One sentence for the model card.")] = None,
    to: Annotated[
        Target,
        typer.Option(
            help="nuseg: a model folder. bioimageio: a package of the BioImage Model Zoo, for Fiji, ilastik, QuPath "
            "and others, which bioimageio.core has checked and run; needs nuseg[bioimageio]."
        ),
    ] = Target.NUSEG,
    author: Annotated[
        list[str] | None, typer.Option(help="Who made the model, for bioimage.io; may be given several times.")
    ] = None,
) -> None:
    """Export a model: ONNX graph, PyTorch weights, thresholds and model card in one folder.

    The folder is all that `nuseg segment --model` needs, here or on another
    machine. Outside nuseg, model.onnx takes images (n, height, width, 3) uint8
    and gives maps (n, 2, height, width): mask probability and distance.

    [bold]Examples[/bold]

    nuseg export run1 -o kidney-model --name kidney

    nuseg export run1 -o kidney.zip --to bioimageio --author "A. Author"
    """
    from nuseg.io.atomic import check_folder
    from nuseg.model.store import Model, load_model

    if to is Target.BIOIMAGEIO and output.suffix == ".zip":
        check_folder(output.parent)
        if output.exists():
            raise NusegError(f"{output}: is there already: choose a new name")
    else:
        check_folder(output)
        if output.exists() and any(output.iterdir()):
            raise NusegError(f"{output}: not empty: choose a new folder")
    if to is Target.NUSEG:
        check_packages()
    model = load_model(source)
    changes = {"name": name or output.name.removesuffix(".zip")}
    if description is not None:
        changes["description"] = description
    renamed = Model(model.config.model_copy(update=changes), model.path)
    if to is Target.BIOIMAGEIO:
        export_package(renamed, output, author or [])
    else:
        export_folder(renamed, output)


def check_packages() -> None:
    """Say what a model folder cannot be made without, before anything is read."""
    try:
        import nuseg.model.export  # noqa: F401
    except ImportError as error:
        raise NusegError(
            f"exporting needs more packages ({error.name} is missing): pip install 'nuseg[train]'"
        ) from error


def export_folder(model: "Model", output: Path) -> None:
    """Make a model folder of a model's weights."""
    from nuseg.model.export import load_network, save_model
    from nuseg.model.store import INT8_FILE

    if model.config.precision == "int8":
        output.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(model.graph("int8"), output / INT8_FILE)
    exported = save_model(load_network(model), model.config, output)
    print(f"model: {exported.path}")


def export_package(model: "Model", output: Path, authors: list[str]) -> None:
    """Make a package for bioimage.io, tested with a generated field of nuclei."""
    from nuseg.datasets.synthetic import synthetic_field
    from nuseg.model.bioimageio import example_side, export_bioimageio

    side = example_side(model.config)
    example, _ = synthetic_field(side, side, FIELD_SEED, model.config.mpp, FIELD_DENSITY)
    export_bioimageio(model, output, example, authors)
    print(f"package: {output} (bioimageio.core has checked and run it)")


COMMAND = Command("export", 70, export)
