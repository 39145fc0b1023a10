"""A U-Net whose contracting path is an EfficientNet-Lite, pretrained on ImageNet."""

from typing import TYPE_CHECKING

from nuseg.errors import NusegError
from nuseg.model.builder import Builder
from nuseg.model.config import BRANCHES, Architecture
from nuseg.model.registry import heads_of

if TYPE_CHECKING:
    from nuseg.model.network import Network


def build_unet_lite(architecture: Architecture, pretrained: bool = False) -> "Network":
    """Build `unet-lite`: `encoder` is the size of its EfficientNet, `decoder` the widths of its expanding path.

    Raises
    ------
    NusegError
        No such size, or the ImageNet weights are wanted but not installed.
    """
    from nuseg.model.encoder import FACTORS, LiteEncoder, load_imagenet
    from nuseg.model.unet import UNet, narrow

    size = architecture.encoder
    if size not in FACTORS:
        raise NusegError(f"network.encoder={size}: expected one of {', '.join(FACTORS)} for unet-lite")
    encoder = LiteEncoder(architecture.in_channels, size)
    network = UNet(encoder, architecture.decoder, heads_of(architecture), BRANCHES[architecture.class_branch])
    if pretrained:
        load_imagenet(encoder)
        network.pretrained = "encoder"
    if architecture.reach is not None:
        narrow(network, architecture.reach)
    return network


ARCHITECTURE = Builder("unet-lite", "U-Net on an EfficientNet-Lite that was pretrained on ImageNet", build_unet_lite)
