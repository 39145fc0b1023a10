"""The paper's U-Net in two sizes."""

from functools import partial
from typing import TYPE_CHECKING

from nuseg.model.builder import Builder
from nuseg.model.config import BRANCHES, Architecture
from nuseg.model.registry import heads_of

if TYPE_CHECKING:
    from nuseg.model.network import Network


def build_unet(widths: tuple[int, ...], architecture: Architecture, _pretrained: bool = False) -> "Network":
    """Build the U-Net whose contracting path has `widths` channels from scale to scale; there are no weights for it."""
    from nuseg.model.unet import ContractingPath, UNet

    return UNet(
        ContractingPath(architecture.in_channels, widths),
        widths[-2::-1],
        heads_of(architecture),
        BRANCHES[architecture.class_branch],
    )


ARCHITECTURE = (
    Builder("unet", "the paper's U-Net, 64 to 1024 channels", partial(build_unet, (64, 128, 256, 512, 1024))),
    Builder("unet-small", "the same with 16 to 256 channels", partial(build_unet, (16, 32, 64, 128, 256))),
)
