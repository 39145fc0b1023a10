"""A whole training: fit, tune, export, test. Everything that a rerun needs is left in the run folder."""

import logging
import platform
import shlex
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.fabric.utilities.warnings import PossibleUserWarning
from lightning.pytorch.callbacks import WeightAveraging

from nuseg.datasets.dataset import Dataset
from nuseg.datasets.findings import gather
from nuseg.engines.processor import has_bf16
from nuseg.errors import NusegError
from nuseg.model.registry import find_heads
from nuseg.model.store import Model, load_model
from nuseg.text import one_line
from nuseg.training.averaging import ema
from nuseg.training.callbacks import (
    AtomicCheckpoints,
    CurvesFromOne,
    EpochLog,
    EpochProgress,
    Patience,
    RunCheckpoint,
)
from nuseg.training.classes import with_classes
from nuseg.training.config import Compute, TrainConfig
from nuseg.training.finish import finish
from nuseg.training.losses import check_heads
from nuseg.training.module import Training
from nuseg.training.patches import Patches
from nuseg.training.run_files import fit_weights, going_on, load_checkpoint
from nuseg.training.run_folder import (
    CHECKPOINTS,
    MODEL,
    best_checkpoint,
    check_free,
    check_same,
    claimed,
    find_finished,
    go_on,
    last_checkpoint,
)
from nuseg.training.start import Before, describe_model, follow_start, start_network
from nuseg.training.stream import PatchStream
from nuseg.training.teaching import check_unlabelled, find_teachers, prepare_teaching
from nuseg.training.telling import Teller
from nuseg.training.validation import Validation, check_splits, choose_validation

SIGTERM_CODE = 143  # with which a process ends that was asked to, as shells state it


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
        Default: `TrainConfig()`. With `network.init` the network and the resolution are those of that model.
    resume
        Go on from the last whole epoch of an interrupted run; the result is that of an uninterrupted one. A finished
        run is left as it is, unless `optimiser.epochs` was raised: then it is trained on to the new end.
    progress
        Say on stderr how far the training is: a bar on a terminal, else a line a minute.

    Returns
    -------
    Model
        The exported model; what was noticed about the datasets is in its `config.training["notes"]`.

    Raises
    ------
    NusegError
        A dataset lacks a split or nuclei to validate on, has points in place of nuclei that teach nothing, or no
        classes for a class head; a head's loss counts what the dataset ignores; the configuration contradicts the model
        to start from; the run folder is in use; or there is nothing to resume. Nothing is left in the folder of a run
        that cannot start.
    KeyboardInterrupt
        The training was interrupted; `resume` goes on with it.
    SystemExit
        The process was asked to end (SIGTERM); `resume` goes on with it.
    """
    config, run = config or TrainConfig(), Path(run)
    loaded = [d if isinstance(d, Dataset) else Dataset.load(Path(d)) for d in datasets]
    start = None if config.network.init is None else load_model(config.network.init)
    config = with_classes(follow_start(config, start), loaded, start.config.classes if start else ())
    teachers = find_teachers(config)
    check_unlabelled(loaded, config)
    by_class = config.optimiser.freeze
    findings = check_splits(loaded, bool(config.network.classes), by_class)
    check_heads(find_heads(config.network.heads, config.network.classes), loaded)
    fingerprints = {dataset.name: dataset.fingerprint for dataset in loaded}
    if resume:
        check_same(run, config, fingerprints)
        finished = find_finished(run, config)
        if finished is not None:
            print(f"{run}: already finished ({config.optimiser.epochs} epochs); more with a larger optimiser.epochs")
            return finished
    elif is_first_device():
        check_free(run)
    validation = choose_validation(loaded, by_class, config.network.classes)
    notes = [f"{level}: {line}" for level, line in gather([*findings, *validation.findings])]
    for note in notes:
        print(note, file=sys.stderr)
    with quiet(), taken(run, config, provenance(fingerprints, config, notes), resume):
        L.seed_everything(config.seed, verbose=False)
        module = make_module(loaded, run, config, Before(start, teachers), validation)
        with Teller() as teller:
            teaching = prepare_teaching(teachers, loaded, run, config, teller if progress else None)
        patches = Patches(loaded, config, teaching)
        trainer = make_trainer(validation, run, config, progress)
        how, data = config.optimiser, config.data
        stream = PatchStream(patches, data.batch, how.steps, data.workers, lambda: trainer.global_step)
        fit(trainer, module, stream, last_checkpoint(run) if resume else None)
        load_best(module, run)
        if not trainer.is_global_zero:
            return Model(module.model_config, run / MODEL)
        with Teller() as teller:
            return finish(module, loaded, run, teller if progress else None)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep advertisements and advice of the libraries out of the log; their warnings stay."""
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PossibleUserWarning)  # Lightning's advice, such as that there is a GPU, too
        warnings.filterwarnings("ignore", message=".*exists and is not empty.*")  # a resumed run's checkpoints
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")
        try:
            yield
        finally:
            log.setLevel(level)


@contextmanager
def taken(run: Path, config: TrainConfig, record: dict[str, Any], resume: bool) -> Iterator[None]:
    """Hold the run folder: take it, or go on with it. Of several devices the first one does so."""
    if not is_first_device():
        holding: Any = nullcontext()
    elif resume:
        go_on(run, config, record["command"])
        holding = nullcontext()
    else:
        holding = claimed(run, config, record)
    with holding:
        yield


def is_first_device() -> bool:
    """Whether this process is the one that writes; of several devices each has its own process."""
    return getattr(rank_zero_only, "rank", 0) == 0


def provenance(fingerprints: dict[str, str], config: TrainConfig, notes: Sequence[str]) -> dict[str, Any]:
    """Command, versions, commit, machine, precision and data of this training, and what was noticed about them."""
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
        "notes": list(notes),
    }


def make_module(
    datasets: Sequence[Dataset],
    run: Path,
    config: TrainConfig,
    before: Before,
    validation: Validation,
) -> Training:
    """The network to train, with all that a training step and a validation need."""
    network = start_network(config, before.start)
    model = describe_model(network, config, datasets, run, before)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Training(network, config, model, validation.images)


def make_trainer(validation: Validation, run: Path, config: TrainConfig, progress: bool) -> L.Trainer:
    """Lightning's loop with our checkpoints, averaged weights, early stopping and logs.

    Raises
    ------
    NusegError
        This machine does not have what `compute` asks for.
    """
    # After the log's row of the epoch: what a resumed run goes on from is logged.
    checkpoint = partial(RunCheckpoint, run / CHECKPOINTS, enable_version_counter=False, save_on_train_epoch_end=True)
    best, last = checkpoint("best", monitor=validation.monitor, mode="max"), checkpoint("last")
    how, compute = config.optimiser, config.compute
    callbacks = [
        WeightAveraging(avg_fn=partial(ema, decay=how.ema)),
        Patience(validation.monitor, patience=how.patience, mode="max"),
        *([EpochProgress()] if progress else []),
        EpochLog(run / "log.csv"),
        best,
        last,
    ]
    try:
        return L.Trainer(
            accelerator=compute.accelerator,
            devices=compute.devices,
            strategy=compute.strategy,
            precision=native_precision(compute),
            max_epochs=how.epochs,
            gradient_clip_val=how.clip,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            logger=CurvesFromOne(run, name="", version="tensorboard"),
            plugins=[AtomicCheckpoints()],
            callbacks=callbacks,
            enable_progress_bar=False,
            enable_model_summary=False,
            log_every_n_steps=1,
        )
    except Exception as error:  # Lightning has no kind of error for it
        asked = f"compute.accelerator={compute.accelerator}, devices={compute.devices}, strategy={compute.strategy}"
        raise NusegError(f"{asked}: not to be had here ({one_line(error)}): set compute.accelerator=auto") from error


def fit(trainer: L.Trainer, module: Training, stream: PatchStream, checkpoint: Path | None) -> None:
    """Run the epochs, from a checkpoint where there is one.

    Raises
    ------
    KeyboardInterrupt
        Lightning, which ends the process in its place, was interrupted.
    """
    start = checkpoint if checkpoint is not None and checkpoint.is_file() else None
    try:
        with going_on(start, lambda: module.begun):
            trainer.fit(module, stream, range(len(module.validation)), ckpt_path=start, weights_only=True)
    except SystemExit as stopped:
        if trainer.received_sigterm:
            raise SystemExit(SIGTERM_CODE) from stopped
        raise KeyboardInterrupt from stopped
    finally:
        stream.close()


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


def load_best(module: Training, run: Path) -> None:
    """Give the module the averaged weights of its best epoch."""
    path = best_checkpoint(run)
    fit_weights(module, load_checkpoint(path), path)
    module.eval()
