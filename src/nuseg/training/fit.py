"""A whole training: fit, tune, export, test. Everything that a rerun needs is left in the run folder."""

import json
import logging
import platform
import shlex
import subprocess
import sys
import warnings
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, WeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from nuseg.datasets.dataset import Dataset
from nuseg.engines.loading import has_bf16
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.io.places import refuse_links_out
from nuseg.model.config import Architecture, ModelConfig
from nuseg.model.export import load_network
from nuseg.model.network import Network, build_network, count_parameters
from nuseg.model.reach import check_tiling
from nuseg.model.registry import map_names
from nuseg.model.store import Model, load_model
from nuseg.training.averaging import ema
from nuseg.training.callbacks import AtomicCheckpoints, EpochBar, EpochLog
from nuseg.training.config import Compute, TrainConfig, load_config, render_config
from nuseg.training.finish import finish
from nuseg.training.module import Training, validation_items
from nuseg.training.patches import Patch, Patches, PatchNumbers
from nuseg.training.run_files import fit_weights, going_on, load_checkpoint, read_record
from nuseg.training.tune import START

CONFIG_FILE = "config.yaml"
CHECKPOINTS = "checkpoints"
AND = " and "  # between the licences of one model


def train(
    datasets: Sequence[str | Path | Dataset],
    run: str | Path,
    config: TrainConfig | None = None,
    resume: bool = False,
    progress: bool = True,
) -> Model:
    """Train, validate, test and export a network.

    Parameters
    ----------
    datasets
        nuseg datasets (see `nuseg prepare`); their splits "train", "validation" and "test" are used as such.
    run
        Folder to make: configuration, log, checkpoints, plots, test scores, and the model in `run/model`.
    config
        Default: `TrainConfig()`.
    resume
        Go on from the last whole epoch of an interrupted run; the result is that of an uninterrupted one.
    progress
        Show a bar for the running epoch, where stderr is a terminal.

    Returns
    -------
    Model
        The exported model.

    Raises
    ------
    NusegError
        A dataset lacks a split, the run folder is in use, or there is nothing to resume.
    """
    config = config or TrainConfig()
    run = Path(run)
    loaded = [d if isinstance(d, Dataset) else Dataset.load(Path(d)) for d in datasets]
    require_splits(loaded)
    last = run / CHECKPOINTS / "last.ckpt"
    quieten()
    L.seed_everything(config.seed, verbose=False)
    start = None if config.network.init is None else load_model(config.network.init)
    network = start_network(config, start)
    claim_run(run, config, loaded, resume)
    model = describe_model(network, config, loaded, run, start)
    validation = validation_items(loaded)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    module = Training(network, config, model, validation)
    trainer = make_trainer(module, run, config, progress)
    checkpoint = last if resume and last.is_file() else None
    with warnings.catch_warnings(), going_on(checkpoint, lambda: module.begun):
        # Lightning advises more workers than a laptop has cores for.
        warnings.filterwarnings("ignore", message=".*num_workers.*|.*does not have many workers.*")
        trainer.fit(
            module,
            train_loader(loaded, config),
            DataLoader(range(len(validation)), batch_size=None),  # type: ignore[arg-type]
            ckpt_path=checkpoint,
            weights_only=True,
        )
    if trainer.interrupted:
        raise NusegError(f"{run}: training was interrupted: go on with resume=True")
    load_best(module, run)
    if not trainer.is_global_zero:
        return Model(model, run / "model")
    return finish(module, loaded, run)


def quieten() -> None:
    """Keep advertisements and advice of the libraries out of the log; their warnings stay."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")


def require_splits(datasets: Sequence[Dataset]) -> None:
    """Refuse datasets without images to train on or to choose the best epoch by."""
    for split in ("train", "validation"):
        if not any(dataset.split(split) for dataset in datasets):
            names = ", ".join(str(dataset.root) for dataset in datasets)
            raise NusegError(f"{names}: no image in the split '{split}': prepare it with more images or another split=")
    if not any(dataset.annotation == "instance" and dataset.split("train") for dataset in datasets):
        warnings.warn(
            "only masks to train on: the model will find nuclei, but not tell touching ones apart; add a dataset "
            "with nuclei annotated one by one",
            stacklevel=3,
        )


def claim_run(run: Path, config: TrainConfig, datasets: Sequence[Dataset], resume: bool) -> None:
    """Make the run folder and write what a rerun needs, or check that a resumed run is the same one."""
    path, record = run / CONFIG_FILE, run / "provenance.json"
    fingerprints = {dataset.name: dataset.fingerprint for dataset in datasets}
    if resume:
        if not path.is_file():
            raise NusegError(f"{run}: nothing to resume: no {CONFIG_FILE} there: train without resume=True")
        if load_config(path) != config:
            raise NusegError(
                f"{path}: differs from the configuration given: resume with the same one, or start a new run"
            )
        refuse_links_out(run)
        if read_record(record)["datasets"] != fingerprints:
            raise NusegError(f"{record}: the datasets have changed since this run began: start a new run")
        return
    if run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise NusegError(f"{run}: not empty: choose a new folder, or resume=True to go on with this run")
    with atomic_path(path) as temporary:
        temporary.write_text(render_config(config) + "\n", encoding="utf-8")
    with atomic_path(record) as temporary:
        temporary.write_text(json.dumps(provenance(fingerprints, config), indent=2) + "\n", encoding="utf-8")


def provenance(fingerprints: dict[str, str], config: TrainConfig) -> dict[str, Any]:
    """Command, versions, commit, machine, precision and data of this training."""
    try:
        git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
        commit = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = "unknown"
    packages = ("nuseg", "torch", "lightning", "numpy", "opencv-python-headless", "scikit-image")
    return {
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "commit": commit,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "precision": native_precision(config.compute),
        "datasets": fingerprints,
    }


def start_network(config: TrainConfig, start: Model | None) -> Network:
    """The network to train: fresh, or with the weights of the model to fine-tune; patches and tiles fit it."""
    if start is None:
        network = build_network(config.network, pretrained=config.network.pretrained)
        check_tiling(network)
    else:
        network = tuned_network(config, start)
    if config.data.window % network.stride:
        raise NusegError(
            f"data.window={config.data.window}: expected a multiple of the network's stride of {network.stride} px"
        )
    return network


def tuned_network(config: TrainConfig, start: Model) -> Network:
    """The network of the model to fine-tune, which has to be the one that the configuration tells of."""
    wanted, found = architecture_of(config).model_dump(), start.config.architecture.model_dump()
    differing = [f"network.{key}={value}" for key, value in found.items() if value != wanted[key]]
    if differing:
        raise NusegError(f"network.init {config.network.init} is another network: set {', '.join(differing)}")
    return load_network(start).train()


def architecture_of(config: TrainConfig) -> Architecture:
    """The part of the configuration that the model keeps."""
    return Architecture(**config.network.model_dump(include=set(Architecture.model_fields)))


def describe_model(
    network: Network, config: TrainConfig, datasets: Sequence[Dataset], run: Path, start: Model | None
) -> ModelConfig:
    """The model's configuration; its thresholds, to be tuned, are those of the model that is fine-tuned, or `START`.

    What a fine-tuned model's weights owe to the data of the one that it started from, and to its licence, is kept.
    """
    record = read_record(run / "provenance.json")
    export = config.export
    data = describe_data(datasets)
    licences = [entry["licence"] for entry in data]
    training = {"parameters": count_parameters(network), "config": config.model_dump(mode="json"), **record}
    if start is not None:
        training["init"] = start.config.training
        seen = {entry["fingerprint"] for entry in data}
        data += [entry for entry in start.config.data if entry.get("fingerprint") not in seen]
        licences += start.config.licence.split(AND)
    return ModelConfig(
        name=export.name or run.name,
        description=export.description or f"Network ({config.network.preset}) that segments nuclei in H&E images.",
        architecture=architecture_of(config),
        mpp=config.data.mpp,
        maps=map_names(config.network.heads),
        stride=network.stride,
        margin=network.margin,
        thresholds=START if start is None else start.config.thresholds,
        licence=export.licence or AND.join(sorted(set(licences))),
        data=data,
        training=training,
    )


def describe_data(datasets: Sequence[Dataset]) -> list[dict[str, Any]]:
    """What the model's card says of the datasets that are trained on."""
    return [
        {
            "name": dataset.name,
            "images": len(dataset.split("train")),
            "annotation": dataset.annotation,
            "licence": dataset.licence,
            "source": dataset.source,
            "fingerprint": dataset.fingerprint,
        }
        for dataset in datasets
        if dataset.split("train")
    ]


def make_trainer(module: Training, run: Path, config: TrainConfig, progress: bool) -> L.Trainer:
    """Lightning's loop with our checkpoints, averaged weights, early stopping and logs."""
    # Nuclei scores where any validation image tells nuclei apart, else the mask's.
    nuclei = any(dataset.annotation == "instance" for _, dataset in module.validation)
    monitor = "validation/aji" if nuclei else "validation/dice"
    # After the log's row of the epoch: what a resumed run goes on from is logged.
    checkpoint = partial(ModelCheckpoint, run / CHECKPOINTS, enable_version_counter=False, save_on_train_epoch_end=True)
    best, last = checkpoint("best", monitor=monitor, mode="max"), checkpoint("last")
    how, compute = config.optimiser, config.compute
    return L.Trainer(
        accelerator=compute.accelerator,
        devices=compute.devices,
        strategy=compute.strategy,
        precision=native_precision(compute),
        max_epochs=how.epochs,
        limit_train_batches=how.steps,
        gradient_clip_val=how.clip,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        logger=TensorBoardLogger(run, name="", version="tensorboard"),
        plugins=[AtomicCheckpoints()],
        callbacks=[
            WeightAveraging(avg_fn=partial(ema, decay=how.ema)),
            EarlyStopping(monitor, patience=how.patience, mode="max"),
            *([EpochBar()] if progress else []),
            EpochLog(run / "log.csv"),
            best,
            last,
        ],
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
    )


def native_precision(compute: Compute) -> Any:
    """The precision to train in, as Lightning names it; "auto" is what the device computes fastest.

    Where a processor has no bf16 instructions, PyTorch imitates them, at many times the cost of 32 bits.
    """
    if compute.precision != "auto":
        return compute.precision
    if compute.accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"
    on_cpu = compute.accelerator == "cpu" or not torch.backends.mps.is_available()
    return "bf16-mixed" if on_cpu and has_bf16() else "32-true"


def train_loader(datasets: Sequence[Dataset], config: TrainConfig) -> DataLoader[Patch]:
    """Batches of patches; which patches is decided by seed and epoch alone."""
    workers = config.data.workers
    return DataLoader(
        Patches(datasets, config),
        batch_size=config.data.batch,
        sampler=PatchNumbers(config.optimiser.steps * config.data.batch),
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


def load_best(module: Training, run: Path) -> None:
    """Give the module the averaged weights of its best epoch."""
    path = run / CHECKPOINTS / "best.ckpt"
    fit_weights(module, load_checkpoint(path), path)
    module.eval()
