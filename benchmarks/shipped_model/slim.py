"""A `unet-lite` model with fewer channels in its expanding path, to be trained on.

    python benchmarks/shipped_model/slim.py OUT MODEL WIDTH WIDTH WIDTH

Of each convolution the channels are kept that give most to the next one: the mean square of a channel, by its batch
normalisation, times that of the weights on it. The rest has the weights of MODEL, whose thresholds and card it keeps.

Source: Li et al., "Pruning filters for efficient ConvNets", ICLR 2017.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn

from nuseg.io.atomic import atomic_folder
from nuseg.model.export import load_network, save_model
from nuseg.model.network import build_network
from nuseg.model.store import load_model
from nuseg.model.unet import ExpandingStage, UNet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("model")
    parser.add_argument("widths", type=int, nargs="+")
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    before = load_network(model)
    architecture = model.config.architecture.model_copy(update={"decoder": tuple(arguments.widths)})
    slim = build_network(architecture).eval()
    assert isinstance(before, UNet)
    assert isinstance(slim, UNet)
    copy_strongest(before, slim)
    changes = {"architecture": architecture, "precision": "f32", "scores": {}, "files": {}}
    with atomic_folder(arguments.out) as folder:
        save_model(slim, model.config.model_copy(update=changes), folder)


@torch.no_grad()
def copy_strongest(before: UNet, slim: UNet) -> None:
    """Copy the weights of the encoder, and those of the strongest channels of the expanding path."""
    slim.encoder.load_state_dict(before.encoder.state_dict())
    nexts = [stage.up.weight for stage in before.decoder[1:]] + [before.heads.weight.transpose(0, 1)]
    given = torch.arange(before.encoder.channels[-1])
    for old, new, following in zip(before.decoder, slim.decoder, nexts, strict=True):
        given = copy_stage(old, new, given, squares(following, 0))
    slim.heads.weight.copy_(before.heads.weight[:, given])
    slim.heads.bias.copy_(before.heads.bias)


def copy_stage(old: ExpandingStage, new: ExpandingStage, given: Tensor, weights_after: Tensor) -> Tensor:
    """Copy one stage; `given` are the channels that come from below, returned are those that go up."""
    first, normal, _, second, last_normal, _ = old.convs
    count, up_count = new.convs[0].out_channels, new.up.out_channels
    skips = first.in_channels - old.up.out_channels
    up = strongest(squares(old.up.weight, 1) * squares(first.weight, 1)[skips:], up_count)
    between = strongest(mean_squares(normal) * squares(second.weight, 1), count)
    above = strongest(mean_squares(last_normal) * weights_after, count)
    new.up.weight.copy_(old.up.weight[given][:, up])
    new.up.bias.copy_(old.up.bias[up])
    new.convs[0].weight.copy_(first.weight[between][:, torch.cat([torch.arange(skips), skips + up])])
    new.convs[3].weight.copy_(second.weight[above][:, between])
    for layer, kept, channels in ((new.convs[1], normal, between), (new.convs[4], last_normal, above)):
        for name, value in layer.state_dict().items():
            value.copy_(kept.state_dict()[name][channels] if value.ndim else kept.state_dict()[name])
    return above


def squares(weights: Tensor, dim: int) -> Tensor:
    """Sum of the squares of the weights of each channel, which is dimension `dim`."""
    return weights.transpose(0, dim).flatten(1).square().sum(1)


def mean_squares(normal: nn.BatchNorm2d) -> Tensor:
    """Mean square of max(x, 0) of each channel that leaves a batch normalisation, as if it were Gaussian."""
    mean, spread = normal.bias, normal.weight.abs()
    standard = torch.distributions.Normal(0.0, 1.0)
    ratio = mean / spread
    density = standard.log_prob(ratio).exp()
    return (mean.square() + spread.square()) * standard.cdf(ratio) + mean * spread * density


def strongest(importance: Tensor, count: int) -> Tensor:
    return importance.topk(count).indices.sort().values


if __name__ == "__main__":
    main()
