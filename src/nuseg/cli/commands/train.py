"""`nuseg train`: train, validate, test and export a U-Net on nuseg datasets."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nuseg.cli.command import Command
from nuseg.cli.stopping import Stopped, stoppable
from nuseg.errors import NusegError

if TYPE_CHECKING:
    from nuseg.datasets.dataset import Dataset
    from nuseg.model.store import Model
    from nuseg.training.config import TrainConfig


TOLD = ("dice", "iou", "aji", "pq", "f1", "detection_f1", "class_accuracy")  # scores that are printed


def train(
    datasets: Annotated[
        list[Path] | None, typer.Argument(metavar="DATASETS", help="Datasets made by nuseg prepare.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--out", "-o", help="Run folder to make.")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML configuration; keys left out keep their defaults.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override one key; may be given often."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Train so many times, with one seed after the other, and keep the best by validation.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted run, or train a finished one longer.")
    ] = False,
    show_config: Annotated[bool, typer.Option("--show-config", help="Print the configuration and stop.")] = False,
) -> None:
    """Train a U-Net on your own annotations, from datasets to a tested model.

    The run folder gets the configuration, a log, checkpoints, curves, scores
    and pictures of the test images, and the exported model in RUN/model. A
    killed training goes on with --resume, to the same result. With
    network.init it starts from the weights of another model.

    With --seeds 3 it trains three times: OUT/seed-0 and so on are run folders,
    OUT/seeds.csv has their scores, and OUT/model is the best by validation.
    Their spread tells how far a score is chance.

    [bold]Examples[/bold]

    nuseg train mydata -o run1

    nuseg train mydata more -o run2 --set optimiser.epochs=80 --set data.weights.more=0.2

    nuseg train mydata -o run3 --set network.init=default --set optimiser.lr=0.0003

    nuseg train mydata -o run5 --seeds 3

    nuseg train --show-config > my.yaml;  nuseg train mydata -o run4 --config my.yaml

    nuseg segment slide.png --model run1 -o out
    """
    from nuseg.datasets.dataset import Dataset
    from nuseg.io.atomic import check_folder

    try:
        from nuseg.training.config import load_config, render_config

        check_keys(set_ or [])
        settings = load_config(config, set_, "--set")
        if show_config:
            print(render_config(settings))
            return
        if not datasets:
            raise typer.BadParameter("name at least one dataset (a folder made by nuseg prepare)")
        if output is None:
            raise typer.BadParameter("name the run folder: -o RUN")
        # Said before PyTorch is imported, which takes seconds.
        check_folder(output)
        loaded = [Dataset.load(path) for path in datasets]
        model = run_training(loaded, output, settings, resume, seeds)
    except ImportError as error:
        raise NusegError(
            f"training needs more packages ({error.name} is missing): pip install 'nuseg[train]'"
        ) from error
    print(f"model: {model.path}")
    for data, scores in model.config.scores.items():
        text = ", ".join(f"{k} {scores[k]['mean']:.3f}" for k in TOLD if k in scores)
        print(f"test {data}: {text}")


def run_training(
    datasets: "list[Dataset]", output: Path, settings: "TrainConfig", resume: bool, seeds: int | None
) -> "Model":
    """Train, once or with several seeds; Ctrl-C and SIGTERM end it with a line that says how to go on."""
    try:
        with stoppable():
            if seeds is None:
                from nuseg.training.fit import train as fit

                return fit(datasets, output, settings, resume=resume)
            from nuseg.training.seeds import describe_seeds, train_seeds

            found = train_seeds(datasets, output, settings, seeds, resume=resume)
            print("\n".join(describe_seeds(found)))
            return found.model
    except Stopped as stopped:
        print(f"stopped ({stopped}): {how_to_go_on(output)}", file=sys.stderr)
        raise typer.Exit(stopped.exit_code) from stopped


def how_to_go_on(output: Path) -> str:
    """The command that goes on with a run that was interrupted, or begins it again where nothing was written yet."""
    from nuseg.training.run_folder import any_begun, has_begun

    words = ["nuseg", *(word for word in sys.argv[1:] if word != "--resume")]
    return f"go on with {shlex.join([*words, '--resume'] if has_begun(output) or any_begun(output) else words)}"


def check_keys(overrides: list[str]) -> None:
    """Refuse KEY=VALUE texts of which a part of the key is empty."""
    for text in overrides:
        key, equals, _ = text.partition("=")
        if equals and not all(part.strip() for part in key.split(".")):
            found = repr(key) if key.strip() else "no key"
            raise NusegError(f"--set {text}: expected section.key=value, such as optimiser.lr=0.0005, found {found}")


COMMAND = Command("train", 50, train)
