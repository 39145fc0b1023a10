"""What a training starts from: the network, fresh or of a model that is fine-tuned, and the model's description."""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

from nuseg.datasets.dataset import Dataset, load_pixels
from nuseg.datasets.seen import USES, image_code
from nuseg.errors import NusegError
from nuseg.model.config import Architecture, ModelConfig
from nuseg.model.export import load_network
from nuseg.model.graph import to_onnx
from nuseg.model.network import Network, Wrapped, build_network, count_parameters
from nuseg.model.reach import check_tiling
from nuseg.model.registry import map_names
from nuseg.model.store import Model
from nuseg.training.config import TrainConfig
from nuseg.training.run_folder import read_record
from nuseg.training.tune import START

AND = " and "  # between the licences of one model


class Before(NamedTuple):
    """The models that a training learns from beside the data: the one that is fine-tuned, and those that teach."""

    start: Model | None = None
    teachers: tuple[Model, ...] = ()


def follow_start(config: TrainConfig, start: Model | None) -> TrainConfig:
    """Take from the model that is fine-tuned what belongs to its weights: the network and the resolution.

    Raises
    ------
    NusegError
        The configuration states another network or resolution; the message names the keys.
    """
    if start is None:
        return config
    config = with_class_head(config, start)
    network = {key: value for key, value in start.config.architecture if key in type(config.network).model_fields}
    if adds_classes(config, start):
        network = {key: value for key, value in network.items() if key not in ("heads", "classes", "class_branch")}
    if narrows(config, start):
        network["reach"] = config.network.reach
    data = {"mpp": start.config.mpp}
    contradicting = [
        f"{section}.{key} is {getattr(stated, key)!r} here, {value!r} there"
        for section, stated, of_start in (("network", config.network, network), ("data", config.data, data))
        for key, value in of_start.items()
        if key != "reach" and key in stated.model_fields_set and getattr(stated, key) != value
    ]
    if contradicting:
        raise NusegError(
            f"network.init {config.network.init}: its network and resolution are kept, but {'; '.join(contradicting)}"
            ": leave these keys out, or start from another model"
        )
    changes = {
        "network": config.network.model_copy(update=network),
        "data": config.data.model_copy(update=data),
    }
    return config.model_copy(update=changes)


def with_class_head(config: TrainConfig, start: Model) -> TrainConfig:
    """Where the class head alone is to learn, and the model has none: add one to its heads, unless heads are stated."""
    network, before = config.network, start.config.architecture.heads
    if not config.optimiser.freeze or start.config.classes or "heads" in network.model_fields_set:
        return config
    heads = network.model_copy(update={"heads": (*before, "classes")})
    return config.model_copy(update={"network": heads})


def adds_classes(config: TrainConfig, start: Model) -> bool:
    """Whether a class head is to be added, as the last one, to those of the model that is fine-tuned."""
    before = start.config.architecture.heads
    return not start.config.classes and config.network.heads == (*before, "classes")


def narrows(config: TrainConfig, start: Model) -> bool:
    """Whether the network of the model that is fine-tuned is to see less far than it does."""
    reach = config.network.reach
    return reach is not None and reach < start.config.margin


def start_network(config: TrainConfig, start: Model | None) -> Network:
    """The network to train: fresh, or with the weights of the model to fine-tune; patches and tiles fit it.

    Raises
    ------
    NusegError
        A class head is to be added, or to be trained alone, that shares its convolutions with others; or the network
        cannot be exported or used in tiles.
    """
    if start is None:
        network = build_network(config.network, pretrained=config.network.pretrained)
        check_tiling(network)
        if isinstance(network, Wrapped):  # from outside: better refused now than when all is learned
            to_onnx(deepcopy(network))
    else:
        network = load_network(start).train()
        if narrows(config, start):
            network = narrowed(network, config)
        if adds_classes(config, start):
            network = with_branch(network, config)
    if config.optimiser.freeze and network.branch is None:
        raise NusegError(
            f"optimiser.freeze: expected a head classes with convolutions of its own, which preset "
            f"{config.network.preset} does not give it: train the whole network"
        )
    if config.data.window % network.stride:
        raise NusegError(
            f"data.window={config.data.window}: expected a multiple of the network's stride of {network.stride} px"
        )
    return network


def narrowed(before: Network, config: TrainConfig) -> Network:
    """A network that sees less far than the one before, with its weights.

    Raises
    ------
    NusegError
        Its preset cannot be narrowed, or not as far.
    """
    from nuseg.model.unet import UNet, narrow

    reach = config.network.reach
    if reach is None or config.network.preset != "unet-lite" or not isinstance(before, UNet):
        raise NusegError(f"network.reach: expected preset unet-lite, found {config.network.preset}: leave it out")
    narrow(before, reach)
    return before


def with_branch(before: Network, config: TrainConfig) -> Network:
    """A network that has a class head beside all that the one before had; the rest has its weights.

    Raises
    ------
    NusegError
        Its preset gives a class head no convolutions of its own.
    """
    network = build_network(architecture_of(config))
    if network.branch is None:
        raise NusegError(
            f"network.preset={config.network.preset}: a head classes cannot be added to a trained network of this "
            "preset: start from another model, or train anew"
        )
    own = {f"branch.{name}" for name in network.branch.state_dict()}
    kept = network.load_state_dict(before.state_dict(), strict=False)
    assert set(kept.missing_keys) <= own
    assert not kept.unexpected_keys
    network.added = "branch"
    return network


def architecture_of(config: TrainConfig) -> Architecture:
    """The part of the configuration that the model keeps."""
    return Architecture(**config.network.model_dump(include=set(Architecture.model_fields)))


def describe_model(
    network: Network,
    config: TrainConfig,
    datasets: Sequence[Dataset],
    run: Path,
    before: Before,
) -> ModelConfig:
    """The model's configuration; its thresholds, to be tuned, are those of the model that is fine-tuned, or `START`.

    What the weights owe to the data of the models before, and to their licences, is kept.
    """
    start, teachers = before
    record = read_record(run)
    export = config.export
    data = describe_data(datasets)
    licences = [entry["licence"] for entry in data if entry["images"]]
    training = {"parameters": count_parameters(network), "config": config.model_dump(mode="json"), **record}
    if start is not None:
        training["init"] = start.config.training
    if teachers:
        records = [teacher.config.training for teacher in teachers]
        training["teacher"] = records if len(records) > 1 else records[0]
    for model in (*([] if start is None else [start]), *teachers):
        seen = {entry["fingerprint"] for entry in data}
        data += [entry for entry in model.config.data if entry.get("fingerprint") not in seen]
        licences += model.config.licence.split(AND)
    return ModelConfig(
        name=export.name or run.name,
        description=export.description or describe(config),
        architecture=architecture_of(config),
        mpp=config.data.mpp,
        maps=map_names(config.network.heads, config.network.classes),
        stride=network.stride,
        margin=network.margin,
        thresholds=START if start is None else start.config.thresholds,
        **(kept_of(start) if start is not None and config.optimiser.freeze else {}),
        licence=export.licence or AND.join(sorted(set(licences))),
        data=data,
        training=training,
    )


def describe(config: TrainConfig) -> str:
    """A sentence on what the model does."""
    classes = ", ".join(config.network.classes)
    also = f" and tells their classes ({classes})" if classes else ""
    return f"Network ({config.network.preset}) that segments nuclei in H&E images{also}."


def kept_of(start: Model) -> dict[str, Any]:
    """What a training of the class head alone leaves as it was."""
    return {"calibration": start.config.calibration, "count_error": start.config.count_error}


def describe_data(datasets: Sequence[Dataset]) -> list[dict[str, Any]]:
    """What the model keeps of the datasets that it learns from or is chosen by: where from, and which images."""
    described = []
    for dataset in datasets:
        codes = {use: [image_code(load_pixels(item)) for item in dataset.split(use)] for use in USES}
        if any(codes.values()):
            described.append(
                {
                    "name": dataset.name,
                    "images": len(codes["train"]),
                    "annotation": dataset.annotation,
                    "licence": dataset.licence,
                    "source": dataset.source,
                    "fingerprint": dataset.fingerprint,
                    "seen": codes,
                }
            )
    return described
