"""`nuseg export`: a run's best checkpoint, or a model folder, to a model folder."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from nuseg.cli.command import Command
from nuseg.errors import NusegError


def export(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="Run folder, or model folder.")],
    output: Annotated[Path, typer.Option("--out", "-o", help="Model folder to make.")],
    name: Annotated[str | None, typer.Option(help="Name of the model; default: the folder's.")] = None,
    description: Annotated[str | None, typer.Option(help="One sentence for the model card.")] = None,
) -> None:
    """Export a model: ONNX graph, PyTorch weights, thresholds and model card in one folder.

    The folder is all that `nuseg segment --model` needs, here or on another
    machine. Outside nuseg, model.onnx takes images (n, height, width, 3) uint8
    and gives maps (n, 2, height, width): mask probability and distance.

    [bold]Example[/bold]

    nuseg export run1 -o kidney-model --name kidney
    """
    try:
        from nuseg.model.export import load_network, save_model
    except ImportError as error:
        raise NusegError(
            f"exporting needs more packages ({error.name} is missing): pip install 'nuseg[train]'"
        ) from error
    from nuseg.io.atomic import check_folder
    from nuseg.model.store import INT8_FILE, load_model

    check_folder(output)
    if output.exists() and any(output.iterdir()):
        raise NusegError(f"{output}: not empty: choose a new folder")
    model = load_model(source)
    changes = {"name": name or output.name}
    if description is not None:
        changes["description"] = description
    if model.config.precision == "int8":
        output.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(model.graph("int8"), output / INT8_FILE)
    exported = save_model(load_network(model), model.config.model_copy(update=changes), output)
    print(f"model: {exported.path}")


COMMAND = Command("export", 70, export)
