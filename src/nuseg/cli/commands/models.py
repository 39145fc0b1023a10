"""`nuseg models`: the models inside the package."""

from typing import Annotated

import typer

from nuseg.cli.command import Command
from nuseg.errors import NusegError
from nuseg.text import printable


def models(
    card: Annotated[str | None, typer.Option(help="Print the whole model card of one model.")] = None,
) -> None:
    """List the models that ship with nuseg: resolution, size, licence, scores.

    [bold]Examples[/bold]

    nuseg models

    nuseg models --card default
    """
    from rich.console import Console
    from rich.table import Table

    from nuseg.io.documents import DocumentError, read_text
    from nuseg.model.store import CARD_FILE, load_model, shipped_models

    if card is not None:
        path = load_model(card).path / CARD_FILE
        if not path.is_file():
            raise NusegError(f"{path}: missing: copy the whole model folder")
        try:
            print(printable(read_text(path), keep="\n"))
        except DocumentError as error:
            raise NusegError(f"{path}: {error}: export the model again") from error
        return
    table = Table("model", "network", "um/px", "MB", "licence", "scores")
    for name in shipped_models():
        model = load_model(name)
        size = sum(file.stat().st_size for file in model.path.iterdir()) / 1e6
        scores = "\n".join(
            f"{data}: " + ", ".join(f"{k} {s[k]['mean']:.3f}" for k in ("dice", "aji", "pq") if k in s)
            for data, s in model.config.scores.items()
        )
        config = model.config
        table.add_row(name, config.architecture.preset, f"{config.mpp:g}", f"{size:.1f}", config.licence, scores)
    Console().print(table)


COMMAND = Command("models", 80, models)
