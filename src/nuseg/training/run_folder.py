"""The folder of a run: taken by a new training, checked by one that goes on, free again if it cannot start."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path, check_folder, remove_folder
from nuseg.io.documents import DocumentError, read_json
from nuseg.io.places import refuse_links_out
from nuseg.model.store import CONFIG_FILE as MODEL_FILE
from nuseg.model.store import Model, load_model
from nuseg.training.config import TrainConfig, load_config, render_config

CONFIG_FILE = "config.yaml"
RECORD_FILE = "provenance.json"
CHECKPOINTS = "checkpoints"
MODEL = "model"
RAISABLE = ("optimiser.epochs", "optimiser.patience")  # how long to train: may be raised when a run goes on
SHOWN = 60  # characters of a value in a message


def last_checkpoint(run: Path) -> Path:
    """Where the last whole epoch is kept."""
    return run / CHECKPOINTS / "last.ckpt"


def best_checkpoint(run: Path) -> Path:
    """Where the best epoch is kept."""
    return run / CHECKPOINTS / "best.ckpt"


def has_begun(run: Path) -> bool:
    """Whether there is a run to go on with."""
    return (run / CONFIG_FILE).is_file()


def any_begun(run: Path) -> bool:
    """Whether a folder holds runs of several seeds, one to go on with at least."""
    return any(has_begun(folder) for folder in run.glob("seed-*"))


def check_free(run: Path) -> None:
    """Refuse a folder that holds anything, for a new run.

    Raises
    ------
    NusegError
        It is not empty, or a file.
    """
    check_folder(run)
    if run.is_dir() and any(run.iterdir()):
        raise NusegError(f"{run}: not empty: choose a new folder, or resume=True to go on with this run")


@contextmanager
def claimed(run: Path, config: TrainConfig, record: Mapping[str, Any]) -> Iterator[None]:
    """Take a free folder for a new run and write what a rerun needs.

    When the block fails before there is an epoch to go on from, all of it is removed again: a folder that was there
    is left empty, as it was. After an interruption (no `Exception`) it stays, and the run can go on.
    """
    made = [place for place in (run, *run.parents) if not place.exists()]
    check_free(run)
    try:
        _write(run, config, record)
        yield
    except Exception:
        if not last_checkpoint(run).is_file():
            _clear(run, made)
        raise


def check_same(run: Path, config: TrainConfig, fingerprints: Mapping[str, str]) -> None:
    """Check that a run that is to go on is the one that began: same configuration, same datasets.

    How long to train may be raised (`RAISABLE`).

    Raises
    ------
    NusegError
        There is no run, or it differs; the message names each key or dataset that does, with both values.
    """
    path = run / CONFIG_FILE
    refuse_links_out(run)
    if not has_begun(run):
        raise NusegError(f"{run}: nothing to resume: no {CONFIG_FILE} there: train without resume=True")
    differing = [
        f"{key} is {_shown(before)} there, {_shown(now)} here"
        for key, (before, now) in differences(load_config(path), config).items()
        if key not in RAISABLE or now < before
    ]
    if differing:
        raise NusegError(
            f"{path}: differs from the configuration given ({'; '.join(differing)}): resume with the same one, or "
            "start a new run"
        )
    before = read_record(run).get("datasets")
    known = before if isinstance(before, dict) else {}
    changed = sorted(name for name in {*known, *fingerprints} if known.get(name) != fingerprints.get(name))
    if changed:
        names = ", ".join(_shown(name) for name in changed)
        raise NusegError(
            f"{run / RECORD_FILE}: the datasets have changed since this run began ({names}): start a new run"
        )


def find_finished(run: Path, config: TrainConfig) -> Model | None:
    """The model of a run that is finished for this configuration; None where something is left to do."""
    if not (run / MODEL / MODEL_FILE).is_file():
        return None
    try:
        model = load_model(run / MODEL)
    except NusegError:  # damaged: to be made again
        return None
    trained = model.config.training.get("config")
    return model if trained == config.model_dump(mode="json") else None


def go_on(run: Path, config: TrainConfig, command: str) -> None:
    """Write down that a run goes on for longer than was planned, and remove what a kill left behind."""
    before = load_config(run / CONFIG_FILE)
    if before != config:
        changes = {key: list(values) for key, values in differences(before, config).items()}
        record = read_record(run)
        raised = [*record.get("raised", []), {"command": command, **changes}]
        _write(run, config, {**record, "raised": raised})
    for leftover in run.glob(f".*-{MODEL}"):
        remove_folder(leftover)


def differences(before: TrainConfig, now: TrainConfig) -> dict[str, tuple[Any, Any]]:
    """The keys (`section.key`) whose values differ, with both values."""
    old, new = _flat(before.model_dump(mode="json")), _flat(now.model_dump(mode="json"))
    return {key: (old.get(key), new.get(key)) for key in {**old, **new} if old.get(key) != new.get(key)}


def read_record(run: Path) -> dict[str, Any]:
    """What `provenance.json` says.

    Raises
    ------
    NusegError
        It is missing or damaged.
    """
    path = run / RECORD_FILE
    try:
        record = read_json(path)
    except DocumentError as error:
        raise NusegError(
            f"{path}: expected the record of a run, found another file ({error}): start a new run"
        ) from error
    if not isinstance(record, dict):
        raise NusegError(f"{path}: expected the record of a run, found a {type(record).__name__}: start a new run")
    return record


def _write(run: Path, config: TrainConfig, record: Mapping[str, Any]) -> None:
    with atomic_path(run / CONFIG_FILE) as temporary:
        temporary.write_text(render_config(config) + "\n", encoding="utf-8")
    with atomic_path(run / RECORD_FILE) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _clear(run: Path, made: list[Path]) -> None:
    if run.is_dir():
        for entry in run.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                remove_folder(entry)
            else:
                entry.unlink(missing_ok=True)
    for place in made:
        with suppress(OSError):
            place.rmdir()


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Sections to `section.key`; what is no section of the configuration, such as a table of weights, stays whole."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if not prefix and isinstance(value, dict):
            flat |= _flat(value, f"{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _shown(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."
