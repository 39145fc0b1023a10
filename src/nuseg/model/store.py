"""Models on disk: a folder with `model.json`, the ONNX graph that segments, and PyTorch weights to train on from."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.io.documents import read_object
from nuseg.io.places import is_file
from nuseg.measure.counts import CountError
from nuseg.model.config import FORMAT_VERSION, ModelConfig, Precision
from nuseg.strict import problems_of
from nuseg.text import plural, shortened, shown

SHIPPED = Path(__file__).parent / "shipped"
DEFAULT_MODEL = "default"
Quality = Literal["fast", "light", "default", "best"]
# Shipped model, and orientations of the image that it sees.
QUALITIES: dict[Quality, tuple[str, Literal[1, 8]]] = {
    "fast": ("fast", 1),
    "light": ("light", 1),
    "default": (DEFAULT_MODEL, 1),
    "best": (DEFAULT_MODEL, 8),
}
CONFIG_FILE = "model.json"
GRAPH_FILE = "model.onnx"
INT8_FILE = "model.int8.onnx"
WEIGHTS_FILE = "weights.pt"
CARD_FILE = "CARD.md"
DESCRIPTION, ADVICE = "model description", "export it again"


@dataclass(frozen=True)
class Model:
    """A model's configuration and the folder that holds its files."""

    config: ModelConfig
    path: Path

    def graph(self, precision: Precision = "f32") -> Path:
        """The ONNX graph: `(n, h, w, 3)` uint8 in, `(n, k, h, w)` float32 maps out."""
        return self.path / (INT8_FILE if precision == "int8" else GRAPH_FILE)

    @property
    def weights(self) -> Path:
        """PyTorch weights, for training and for GPUs."""
        return self.path / WEIGHTS_FILE


def shipped_models() -> list[str]:
    """Names of the models inside the package."""
    return sorted(folder.parent.name for folder in SHIPPED.glob(f"*/{CONFIG_FILE}"))


def load_model(name: str | Path = DEFAULT_MODEL) -> Model:
    """Find a model and check that its files are whole.

    Parameters
    ----------
    name
        Name of a shipped model, a model folder, or a run folder that holds one (`RUN/model`).

    Raises
    ------
    NusegError
        No such model, or it is damaged, or of a newer format.
    """
    folder = SHIPPED / str(name) if str(name) in shipped_models() else Path(name)
    if not is_file(folder / CONFIG_FILE) and is_file(folder / "model" / CONFIG_FILE):
        folder = folder / "model"
    path = folder / CONFIG_FILE
    if not is_file(path):
        shipped = ", ".join(shipped_models())
        raise NusegError(
            f"model {shortened(str(name))}: expected a shipped model ({shipped}) or a folder with {CONFIG_FILE}, "
            "found neither"
        )
    config = read_config(path)
    for file, expected in config.files.items():
        if not is_file(folder / file):
            raise NusegError(f"{folder / file}: missing, although {CONFIG_FILE} names it: copy the whole model folder")
        if sha256(folder / file) != expected:
            raise NusegError(f"{folder / file}: damaged (checksum differs from {CONFIG_FILE}): copy or export it again")
    return Model(config, folder)


def read_config(path: Path) -> ModelConfig:
    """Read `model.json`.

    Raises
    ------
    NusegError
        It is damaged, or of a newer format.
    """
    tree = read_object(path, DESCRIPTION, ADVICE)
    version = tree.get("format_version")
    if not isinstance(version, int):
        problem = f"format_version {shown(version)}" if "format_version" in tree else "lacks 'format_version'"
        raise NusegError(f"{path}: damaged {DESCRIPTION} ({problem}): {ADVICE}")
    if version > FORMAT_VERSION:
        raise NusegError(
            f"{path}: model format {shown(version)} is newer than this nuseg reads ({FORMAT_VERSION}): update nuseg"
        )
    try:
        return ModelConfig.model_validate(tree)
    except ValidationError as error:
        raise NusegError(f"{path}: damaged {DESCRIPTION} ({problems_of(error)}): {ADVICE}") from error


def choose_model(name: str | Path | Model | None = None, quality: Quality | None = None) -> Model:
    """Find a model by quality, by name, or both.

    Parameters
    ----------
    name
        As `load_model` takes it, or a model; default: the quality's.
    quality
        "fast", "light", "default" or "best"; "best" also improves a named model, by test-time augmentation.

    Raises
    ------
    NusegError
        As `load_model`; or a model is named beside a quality that is another one.
    """
    shipped, orientations = QUALITIES[quality or "default"]
    if name is not None and has_own_model(quality):
        raise NusegError(f"quality {quality} is the model {shipped}, but model {name} was named: give one of them")
    model = name if isinstance(name, Model) else load_model(shipped if name is None else name)
    if quality != "best":
        return model
    return replace(model, config=model.config.model_copy(update={"orientations": orientations}))


def has_own_model(quality: Quality | None) -> bool:
    """Whether a quality is a model of its own, not the default one, so that no other one can be named beside it."""
    return QUALITIES[quality or "default"][0] != DEFAULT_MODEL


def save_config(config: ModelConfig, folder: Path) -> Model:
    """Write `model.json`, with checksums of the files that lie beside it, and the model card."""
    config = config.model_copy(update={"files": checksums_in(folder)})
    with atomic_path(folder / CARD_FILE) as temporary:
        temporary.write_text(render_card(config), encoding="utf-8")
    with atomic_path(folder / CONFIG_FILE) as temporary:
        temporary.write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return Model(config, folder)


def checksums(model: Model) -> dict[str, str]:
    """SHA-256 of a model's files by their names, also of those that its configuration does not state."""
    stated = model.config.files
    return checksums_in(model.path, without=stated) | stated


def checksums_in(folder: Path, without: Collection[str] = ()) -> dict[str, str]:
    """SHA-256 of the graphs and weights that lie in a folder, by their names."""
    names = [name for name in (GRAPH_FILE, INT8_FILE, WEIGHTS_FILE) if name not in without]
    return {name: sha256(folder / name) for name in names if (folder / name).is_file()}


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_counts(error: CountError | None) -> list[str]:
    """The card's line on how far counts are off."""
    if error is None:
        return []
    return [
        f"- Counts of {plural(error.images, 'image')} from {plural(error.datasets, 'dataset')}: "
        f"bias {error.bias:+.1%}, mean error {error.mean_absolute:.1%}; of many nuclei the true number is expected at "
        f"{error.low:.2f} to {error.high:.2f} times that found"
    ]


def describe_classes(config: ModelConfig) -> list[str]:
    """The card's line on the classes that the model tells."""
    if not config.classes:
        return []
    temperature = config.class_calibration.temperature
    return [
        f"- Classes of nuclei: {', '.join(config.classes)} (probabilities by a temperature of {temperature:g}). Trust "
        "them in tissue and stains like those of the data below, and score them on images of yours first: they are no "
        "diagnosis"
    ]


def describe_training(training: dict[str, Any]) -> list[str]:
    """The card's lines on how the weights came about: the last training first, then those that it started from."""
    line = f"- Training: `{training.get('command', 'unknown')}`, commit {training.get('commit', 'unknown')}"
    return [line, *(describe_training(training["init"]) if training.get("init") else [])]


def render_card(config: ModelConfig) -> str:
    """The model card: what the model is, what it was trained on, how well it does, as Markdown."""
    lines = [
        f"# {config.name}",
        "",
        config.description,
        "",
        f"- Network: `{config.architecture.preset}`, {config.training.get('parameters', 0):,} parameters",
        f"- Resolution: {config.mpp} um/px (images are rescaled to it)",
        f"- Licence of the weights: {config.licence}",
        f"- Thresholds: {', '.join(f'{k} {v:g}' for k, v in config.thresholds.model_dump().items())}",
        *describe_counts(config.count_error),
        *describe_classes(config),
        *describe_training(config.training),
        "",
        "## Data",
        "",
        "| dataset | images trained on | annotation | licence | source |",
        "|---|---|---|---|---|",
    ]
    for data in config.data:
        keys = ("name", "images", "annotation", "licence", "source")
        lines.append("| " + " | ".join(str(data.get(key, "")) for key in keys) + " |")
    lines += [
        "",
        "## Scores",
        "",
        "Mean over images, with 95 % bootstrap interval.",
        "",
        "| images | score | mean | interval |",
        "|---|---|---|---|",
    ]
    for images, scores in config.scores.items():
        for name, score in scores.items():
            mean, low, high = ("" if score[key] is None else f"{score[key]:.3f}" for key in ("mean", "low", "high"))
            interval = f"{low} to {high}" if low and high else ""
            lines.append(f"| {images} | {name} | {mean} | {interval} |")
    return "\n".join(lines) + "\n"
