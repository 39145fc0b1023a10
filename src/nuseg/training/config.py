"""Everything that a training can be told, with what it means; the default is a good choice on a laptop."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from nuseg.errors import NusegError
from nuseg.io.documents import DocumentError
from nuseg.io.yaml_text import parse_yaml, read_yaml
from nuseg.model.config import Architecture
from nuseg.model.registry import architectures, find_heads
from nuseg.strict import Strict, problems_of
from nuseg.text import shortened
from nuseg.training.augmentation import Augmentation

Weight = Annotated[float, Field(ge=0, le=1e6)]
Text = Annotated[str, Field(max_length=10_000)]
Word = Annotated[str, Field(max_length=100)]


class Network(Architecture):
    """The network to train: an architecture by its preset, and what its weights start from."""

    pretrained: bool = Field(
        True, description="unet-lite: start from ImageNet weights; smp: from options.encoder_weights, if any"
    )
    init: Path | None = Field(None, description="start from this model's weights (fine-tuning)")
    init_share: float = Field(
        0.0, ge=0, lt=1, description="share of init's weights in the result; what was known is kept by it"
    )

    @field_validator("preset")
    @classmethod
    def check_preset(cls, preset: str) -> str:
        if preset not in architectures:
            raise ValueError(f"expected one of {', '.join(architectures)}")
        return preset

    @field_validator("heads")
    @classmethod
    def check_heads(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            find_heads(names)
        except NusegError as error:
            raise ValueError(str(error)) from error
        return names

    @model_validator(mode="after")
    def check_share(self) -> Self:
        if self.init_share and self.init is None:
            raise ValueError("init_share needs init, the model that the weights are shared with")
        return self

    @model_validator(mode="after")
    def check_classes(self) -> Self:
        if self.classes and self.init is None and not any(head.made_for for head in find_heads(self.heads)):
            raise ValueError("classes needs the head classes among heads")
        return self


class Data(Strict):
    """What a training step sees."""

    mpp: float = Field(0.25, ge=0.1, le=2.0, description="resolution to train at (um/px); images are rescaled to it")
    window: int = Field(
        256,
        ge=32,
        le=4096,
        multiple_of=16,
        description="side of the training patches (px), a multiple of the network's stride",
    )
    batch: int = Field(8, ge=1, le=4096, description="patches in a step (on each device)")
    weights: dict[str, Weight] = Field(
        default_factory=dict,
        description="share of the patches from each dataset by name; those not named share by pixels",
    )
    workers: int = Field(1, ge=0, le=256, description="processes that prepare patches beside the training")


class Teacher(Strict):
    """A model, or several, whose maps are learned beside the annotations (distillation)."""

    model: Path | tuple[Path, ...] | None = Field(
        None,
        description="learn its maps, too: the mean of its eight views, of a list of models the mean of all; null = no "
        "teacher",
    )
    share: float = Field(0.5, ge=0, le=1, description="share of its maps in the targets mask and distance")
    unlabelled: tuple[Word, ...] = Field(
        (),
        max_length=1000,
        description="datasets that nobody annotated: their nuclei are what a model found, so that the teacher's maps "
        "alone are mask and distance",
    )
    maps: Path | None = Field(
        None, description="folder of its maps, made where they lack, for several runs; null = in the run folder"
    )

    @field_validator("model", mode="before")
    @classmethod
    def check_models(cls, model: Any) -> Any:
        names = model if isinstance(model, list | tuple) else [model]
        if model is not None and not (names and all(isinstance(name, str | Path) for name in names)):
            raise ValueError("expected a model or a list of models")
        return names[0] if len(names) == 1 else model  # the same training, also where it is resumed

    @model_validator(mode="after")
    def check_model(self) -> Self:
        if self.model is None and (self.unlabelled or self.maps):
            raise ValueError("unlabelled and maps need model, the one that teaches")
        return self

    @property
    def models(self) -> tuple[Path, ...]:
        """All models that teach."""
        if self.model is None:
            return ()
        return self.model if isinstance(self.model, tuple) else (self.model,)


class Optimiser(Strict):
    """How the weights are fitted."""

    epochs: int = Field(40, ge=1, le=100_000, description="epochs; validation after each")
    steps: int = Field(75, ge=1, le=1_000_000, description="steps in an epoch")
    lr: float = Field(3e-3, gt=0, le=10, description="largest learning rate (AdamW)")
    encoder_lr: float = Field(
        0.5,
        ge=0,
        le=100,
        description="factor on the learning rate of a contracting path that starts from ImageNet weights",
    )
    weight_decay: float = Field(1e-2, ge=0, le=10, description="weight decay (AdamW)")
    warmup: float = Field(0.05, ge=0, le=1, description="share of the steps in which the rate rises from 0")
    clip: float = Field(1.0, gt=0, le=1e6, description="gradients are scaled down to this norm")
    ema: float = Field(0.998, ge=0, lt=1, description="decay of the moving average of weights, which is the model")
    dice_weight: Weight = Field(1.0, description="weight of the Dice loss beside cross-entropy's 1")
    distance_weight: Weight = Field(3.0, description="weight of the distance loss")
    offset_weight: Weight = Field(1.0, description="weight of the offset loss")
    head_weights: dict[str, Weight] = Field(
        default_factory=dict, description="weights of other heads' losses, by the names that they give them; else 1"
    )
    consistency: Weight = Field(
        0.0, description="weight of how far the maps of a turned patch are from the turned maps; doubles the work"
    )
    touching_weight: Weight = Field(
        4.0, description="extra weight of the distance and the offset loss where nuclei touch"
    )
    freeze: bool = Field(
        False,
        description="learn the class head alone, added where network.init has none: all else stays, and segments as "
        "before; cheap",
    )
    class_balance: float = Field(
        0.5, ge=0, le=1, description="0: nuclei of every class weigh the same; 1: inverse to how many a class has"
    )
    class_weight: float = Field(5.0, ge=1, le=1e6, description="largest weight of a class by that; 1 over it: smallest")
    patience: int = Field(
        40, ge=1, le=100_000, description="stop after this many epochs without a better validation AJI"
    )

    @property
    def part_weights(self) -> dict[str, float]:
        """Weight of each part of the loss by its name; the cross-entropy's is 1."""
        own = {"dice": self.dice_weight, "distance": self.distance_weight, "offset": self.offset_weight}
        return {**own, **self.head_weights}


class Compute(Strict):
    """Where and how precisely to compute; passed to Lightning."""

    accelerator: Word = Field("auto", description="cpu, gpu, mps or auto")
    devices: Annotated[int, Field(ge=1, le=10_000)] | Word = Field("auto", description="number of devices, or auto")
    strategy: Word = Field("auto", description="Lightning strategy, such as ddp for several GPUs")
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = Field(
        "auto", description="auto: bf16-mixed where the device computes in bf16, else 32-true, or 16-mixed on a GPU"
    )


class Export(Strict):
    """The model folder that a run ends with."""

    name: Word | None = Field(None, description="name of the model; null = the run folder's")
    description: Text | None = Field(None, description="one sentence for the model card")
    licence: Text | None = Field(None, description="licence of the weights; null = those of the data")
    int8: bool = Field(False, description="quantise to 8-bit integers, too; used if validation AJI falls by < 0.005")


class TrainConfig(Strict):
    """Configuration of `nuseg train`."""

    seed: int = Field(0, ge=0, lt=2**32, description="seed of every random choice")
    network: Network = Network()
    data: Data = Data()
    teacher: Teacher = Teacher()
    augmentation: Augmentation = Augmentation()
    optimiser: Optimiser = Optimiser()
    compute: Compute = Compute()
    export: Export = Export()

    @model_validator(mode="after")
    def check_freeze(self) -> Self:
        if self.optimiser.freeze and self.network.init is None:
            raise ValueError("optimiser.freeze needs network.init, the model that stays as it is")
        if self.optimiser.freeze and (self.optimiser.consistency or self.teacher.model is not None):
            raise ValueError("optimiser.freeze leaves mask and distance as they are: leave teacher and consistency out")
        return self


def load_config(
    path: Path | None = None, overrides: list[str] | None = None, overrides_name: str = "overrides"
) -> TrainConfig:
    """Read a configuration and override single keys.

    Parameters
    ----------
    path
        YAML file; keys that it leaves out keep their defaults.
    overrides
        `section.key=value` texts; values are YAML.
    overrides_name
        What messages call them.

    Raises
    ------
    NusegError
        The file is missing or not YAML, or a key is unknown or its value not allowed.
    """
    tree = {} if path is None else read_tree(path)
    for text in overrides or []:
        try:
            override(tree, text)
        except DocumentError as error:
            raise NusegError(f"{overrides_name} {shortened(text)}: {error}") from error
    try:
        return TrainConfig.model_validate(tree)
    except ValidationError as error:
        where = path or overrides_name
        raise NusegError(f"{where}: {problems_of(error)} (the reference lists every key)") from error


def read_tree(path: Path) -> dict[str, Any]:
    """Read the sections of a configuration.

    Raises
    ------
    NusegError
        The file is missing or not YAML, or holds no sections.
    """
    try:
        tree = read_yaml(path)
    except DocumentError as error:
        raise NusegError(f"{path}: expected a YAML configuration, found: {error}") from error
    if not isinstance(tree, dict | None):
        raise NusegError(f"{path}: expected `key: value` lines, found a {type(tree).__name__}")
    return tree or {}


def override(tree: dict[str, Any], text: str) -> None:
    """Set one key of the sections, from a text `section.key=value`.

    Raises
    ------
    DocumentError
        It is no such text, or the value is not YAML.
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise DocumentError("expected section.key=value, such as optimiser.lr=0.0005")
    *sections, last = key.strip().split(".")
    branch = tree
    for section in sections:
        branch = branch.setdefault(section, {})
        if not isinstance(branch, dict):
            raise DocumentError(f"{shortened(section)} is a value, not a section")
    branch[last] = parse_yaml(value)


def render_config(config: BaseModel, indent: str = "") -> str:
    """Write a configuration as YAML, each key with what it means beside it."""
    lines = []
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            lines += [f"\n{indent}{name}:  # {type(value).__doc__}", render_config(value, indent + "  ")]
        else:
            plain = config.model_dump(mode="json", include={name})[name]
            text = yaml.safe_dump(plain, default_flow_style=True, width=1000).removesuffix("\n...\n").strip()
            lines.append(f"{indent}{name}: {text}  # {field.description}")
    return "\n".join(lines).lstrip("\n") if not indent else "\n".join(lines)
