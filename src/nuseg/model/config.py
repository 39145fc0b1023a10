"""What a model is, as data: architecture, resolution, thresholds, provenance. Needs no PyTorch."""

from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    field_validator,
    model_serializer,
)

from nuseg.io.places import PlainName
from nuseg.io.resolution import MAX_MPP, MIN_MPP
from nuseg.measure.classes import MAP, ClassCalibration, ClassNames
from nuseg.measure.counts import CountError
from nuseg.measure.probability import Calibration
from nuseg.strict import Known, Strict, knowing

FORMAT_VERSION = 1

Precision = Literal["f32", "bf16", "int8"]
BranchName = Literal["small", "wide"]
BRANCHES: dict[BranchName, int] = {"small": 32, "wide": 64}  # channels of the branch that tells classes
Channels = Annotated[int, Field(ge=1, le=1024)]
# No address: libraries of networks would fetch what one names.
LibraryName = Annotated[str, Field(max_length=100, pattern=r"^[\w.+-]*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Score(Known):
    """A mean over images with its interval; None where it is not defined."""

    mean: float | None
    low: float | None
    high: float | None


class Provenance(Known):
    """What is read of the record of a training."""

    parameters: int = Field(0, ge=0, le=10**12)
    command: str = "unknown"
    commit: str = "unknown"
    init: "Provenance | None" = None


class TrainedOn(Known):
    """What is read of the record of a dataset that a model was trained on."""

    name: str = ""
    images: int = Field(0, ge=0)
    annotation: str = ""
    licence: str = ""
    source: str = ""
    fingerprint: str = ""


class Architecture(Strict):
    """The network, enough to build it again."""

    preset: str = Field("unet-lite", description="unet (64..1024 channels), unet-small (16..256), unet-lite, smp")
    in_channels: int = Field(3, ge=1, le=64, description="image channels")
    encoder: LibraryName = Field(
        "lite0", description="unet-lite: lite0 to lite2; smp: name of the encoder, such as resnet18"
    )
    decoder: tuple[Channels, Channels, Channels] = Field(
        (64, 48, 32), description="unet-lite: channels of the expanding path at stride 8, 4 and 2"
    )
    reach: int | None = Field(
        None,
        ge=96,
        description="unet-lite: kernels of the deepest scale are narrowed, the last first, until windows need no more "
        "margin than this (px); null: as they are",
    )
    heads: tuple[str, ...] = Field(
        ("mask", "distance", "offsets"), max_length=64, description="outputs to learn; mask and distance come first"
    )
    classes: ClassNames = Field(
        (), max_length=60, description="classes of nuclei, for the head classes; none: those of the datasets"
    )
    class_branch: BranchName = Field(
        "small", description="own convolutions of the head classes: small (32 channels), wide (64); not of smp"
    )
    architecture: LibraryName = Field("Unet", description="smp: name of the architecture")
    options: dict[str, Any] = Field(
        default_factory=dict, description="further settings of presets such as smp, which they explain"
    )


class Thresholds(Strict):
    """How maps become nuclei; tuned on validation images and stored with the model."""

    mask: float = Field(0.5, gt=0, lt=1, description="mask probability from which a pixel belongs to a nucleus")
    distance_share: float = Field(
        0.0, ge=0, lt=1, description="share of the distance in that probability: it rises to 1 just inside the border"
    )
    marker: float = Field(0.5, gt=0, lt=1, description="normalised distance from which a pixel seeds a nucleus")
    smoothing: float = Field(1.0, ge=0, le=32, description="Gaussian sigma (px) on the distance map before seeding")
    min_area_um2: float = Field(5.0, ge=0, le=1e6, description="smaller nuclei are dropped (um2)")
    min_raw_probability: float = Field(
        0.0,
        ge=0,
        lt=1,
        validation_alias=AliasChoices("min_raw_probability", "min_certainty"),  # older models say the latter
        description="nuclei whose mean of mask probability and distance is lower are dropped",
    )


class ModelConfig(Strict):
    """The contents of `model.json`, the file beside the weights."""

    format_version: int = FORMAT_VERSION
    name: str
    description: str = ""
    architecture: Architecture
    mpp: float = Field(ge=MIN_MPP, le=MAX_MPP, description="resolution the network was trained at (um/px)")
    maps: tuple[str, ...] = Field(
        ("mask", "distance"), max_length=64, description="what the network gives, channel by channel"
    )
    stride: int = Field(16, ge=1, le=512, description="windows start at multiples of this many pixels")
    margin: int = Field(
        ge=0, le=2048, description="pixels around a window that can change its result: the receptive field's radius"
    )
    thresholds: Thresholds = Thresholds()
    calibration: Calibration = Calibration()
    class_calibration: ClassCalibration = ClassCalibration()
    count_error: CountError | None = None
    orientations: Literal[1, 8] = Field(
        1, description="8: maps are the mean over mirrored and turned copies of the image, at eight times the cost"
    )
    precision: Precision = Field(
        "f32", description="how a CPU runs it: the fastest whose validation AJI is within 0.005 of f32's"
    )
    licence: str = "unstated"
    data: list[Annotated[dict[str, Any], knowing(TrainedOn)]] = Field(
        default_factory=list, description="the datasets it was trained on"
    )
    training: Annotated[dict[str, Any], knowing(Provenance)] = Field(
        default_factory=dict, description="command, configuration, versions, commit"
    )
    scores: dict[str, dict[str, Annotated[dict[str, Any], knowing(Score)]]] = Field(
        default_factory=dict, description="test scores with 95 % intervals"
    )
    files: dict[PlainName, Sha256] = Field(default_factory=dict, description="file name: sha256")

    @field_validator("maps")
    @classmethod
    def check_maps(cls, maps: tuple[str, ...]) -> tuple[str, ...]:
        if maps[:2] != ("mask", "distance"):
            raise ValueError("expected mask and distance first")
        TypeAdapter(ClassNames).validate_python(classes_of(maps))
        return maps

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that its maps tell; empty where they tell none."""
        return classes_of(self.maps)

    @property
    def class_maps(self) -> tuple[int, ...]:
        """Which of its maps these are."""
        return tuple(place for place, name in enumerate(self.maps) if name.startswith(MAP))

    @model_serializer(mode="wrap")
    def leave_out_classes(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write a model without classes as it was written before there were any: its fingerprint stays."""
        content: dict[str, Any] = write(self)
        if not self.classes:
            content.pop("class_calibration", None)
        if not self.architecture.classes:
            for key in ("classes", "class_branch"):
                content.get("architecture", {}).pop(key, None)
        return content


def classes_of(maps: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the classes among the names of maps."""
    return tuple(name.removeprefix(MAP) for name in maps if name.startswith(MAP))
