"""The architectures and encoders of the library segmentation_models_pytorch."""

from typing import TYPE_CHECKING

from nuseg.errors import NusegError
from nuseg.model.builder import Builder
from nuseg.model.config import Architecture
from nuseg.model.head import count_channels
from nuseg.model.registry import heads_of
from nuseg.text import one_line

if TYPE_CHECKING:
    from nuseg.model.network import Network


def build_smp(architecture: Architecture, pretrained: bool = False) -> "Network":
    """Build one of the library's networks; `options` are further arguments of its `create_model`.

    Weights are random, since the library would download others: only where `options` name `encoder_weights` outright
    does it do so. What looks at the whole image (squeeze-and-excitation, attention, global pooling) has no margin that
    would make tiles exact; training refuses it.

    Raises
    ------
    NusegError
        The library cannot be imported, or has no such architecture, encoder or option; the message is the library's.
    """
    from nuseg.model.network import Wrapped

    try:
        import segmentation_models_pytorch as smp
    except Exception as error:  # torchvision fails with a RuntimeError where it does not fit PyTorch
        raise NusegError(
            f"network.preset=smp: segmentation_models_pytorch cannot be imported ({one_line(error)}): "
            "pip install 'nuseg[smp]', and the torchvision that belongs to the installed PyTorch"
        ) from error
    heads = heads_of(architecture)
    options = dict(architecture.options)
    published = options.pop("encoder_weights", None)
    try:
        body = smp.create_model(
            architecture.architecture,
            encoder_name=architecture.encoder,
            encoder_weights=published if pretrained else None,
            in_channels=architecture.in_channels,
            classes=count_channels(heads),
            **options,
        )
    except Exception as error:  # the library has exceptions of several kinds; their messages list the choices
        raise NusegError(
            f"network.architecture={architecture.architecture}, network.encoder={architecture.encoder}: "
            f"segmentation_models_pytorch cannot build it: {one_line(error)}"
        ) from error
    network = Wrapped(body, architecture.in_channels, heads, body.encoder.output_stride)
    if pretrained and published:
        network.pretrained = "body.encoder"
    return network


ARCHITECTURE = Builder("smp", "network.architecture and network.encoder of segmentation_models_pytorch", build_smp)
