"""What a model is, as data: architecture, resolution, thresholds, provenance. Needs no PyTorch."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from nuseg.io.resolution import MAX_MPP, MIN_MPP

FORMAT_VERSION = 1
HEADS = ("mask", "distance", "offset_x", "offset_y")
MAPS = ("mask", "distance")  # what a model gives; the offsets are only learned

Precision = Literal["f32", "bf16", "int8"]
Preset = Literal["unet", "unet-small", "unet-lite"]
Encoder = Literal["lite0", "lite1", "lite2"]


class Strict(BaseModel):
    """Base of all configuration: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Architecture(Strict):
    """The network, enough to build it again."""

    preset: Preset = Field(
        "unet-lite", description="network: unet (64..1024 channels), unet-small (16..256), unet-lite"
    )
    in_channels: int = Field(3, ge=1, description="image channels")
    encoder: Encoder = Field("lite0", description="unet-lite: size of its EfficientNet, lite0 to lite2")
    decoder: tuple[PositiveInt, PositiveInt, PositiveInt] = Field(
        (64, 48, 32), description="unet-lite: channels of the expanding path at stride 8, 4 and 2"
    )


class Thresholds(Strict):
    """How maps become nuclei; tuned on validation images and stored with the model."""

    mask: float = Field(0.5, gt=0, lt=1, description="mask probability from which a pixel belongs to a nucleus")
    distance_share: float = Field(
        0.0, ge=0, lt=1, description="share of the distance in that probability: it rises to 1 just inside the border"
    )
    marker: float = Field(0.5, gt=0, lt=1, description="normalised distance from which a pixel seeds a nucleus")
    smoothing: float = Field(1.0, ge=0, description="Gaussian sigma (px) on the distance map before seeding")
    min_area_um2: float = Field(5.0, ge=0, description="smaller nuclei are dropped (um2)")
    min_certainty: float = Field(
        0.0, ge=0, lt=1, description="nuclei whose mean of mask probability and distance is lower are dropped"
    )


class Calibration(Strict):
    """From a nucleus' certainty c, its mean of mask probability and distance: sigmoid(offset + slope * logit(c))."""

    slope: float = Field(1.0, description="of the logit")
    offset: float = Field(0.0, description="added to it")


class CountError(Strict):
    """How found numbers of nuclei relate to true ones, over validation images."""

    images: int = Field(ge=1, description="validation images")
    bias: float = Field(description="mean of found over true number, less 1")
    mean_absolute: float = Field(ge=0, description="mean size of that error")
    low: float = Field(ge=0, description="lowest true number that is to be expected, over the found one")
    high: float = Field(ge=0, description="highest true number that is to be expected, over the found one")


class ModelConfig(Strict):
    """The contents of `model.json`, the file beside the weights."""

    format_version: int = FORMAT_VERSION
    name: str
    description: str = ""
    architecture: Architecture
    mpp: float = Field(ge=MIN_MPP, le=MAX_MPP, description="resolution the network was trained at (um/px)")
    maps: tuple[str, ...] = MAPS
    stride: int = Field(16, ge=1, description="windows start at multiples of this many pixels")
    margin: int = Field(
        ge=0, description="pixels around a window that can change its result: the receptive field's radius"
    )
    thresholds: Thresholds = Thresholds()
    calibration: Calibration = Calibration()
    count_error: CountError | None = None
    orientations: Literal[1, 8] = Field(
        1, description="8: maps are the mean over mirrored and turned copies of the image, at eight times the cost"
    )
    precision: Precision = Field(
        "f32", description="how a CPU runs it: the fastest whose validation AJI is within 0.005 of f32's"
    )
    licence: str = "unstated"
    data: list[dict[str, Any]] = Field(default_factory=list, description="the datasets it was trained on")
    training: dict[str, Any] = Field(default_factory=dict, description="command, configuration, versions, commit")
    scores: dict[str, Any] = Field(default_factory=dict, description="test scores with 95 % intervals")
    files: dict[str, str] = Field(default_factory=dict, description="file name: sha256")
