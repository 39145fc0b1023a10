"""What another package needs to add an architecture, a head and an engine to nuseg."""

from importlib.util import find_spec

import cv2
import numpy as np

from nuseg.engines.engine import Backend
from nuseg.model.builder import Builder
from nuseg.model.head import Head, count_channels
from nuseg.model.registry import heads_of


def build_toy(architecture, pretrained):
    """Two convolutions; `network.options={width: 16}` makes them wider."""
    from torch import nn

    from nuseg.model.network import Wrapped

    heads = heads_of(architecture)
    width = architecture.options.get("width", 8)
    body = nn.Sequential(
        nn.Conv2d(architecture.in_channels, width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(width, count_channels(heads), 2, stride=2),
    )
    return Wrapped(body, architecture.in_channels, heads, stride=2)  # its margin is measured


TOY = Builder("toy", "two convolutions", build_toy)


def make_rim(labels):
    """Label image (h, w) to (1, h, w) float32: 1 where a neighbouring pixel belongs to something else."""
    values, square = labels.astype(np.float32), np.ones((3, 3), np.uint8)
    return (cv2.dilate(values, square) != cv2.erode(values, square)).astype(np.float32)[None]


def rim_loss(logits, target, weight):
    """Cross-entropy, which `optimiser.head_weights={rim: 2}` would double."""
    from torch.nn import functional as F

    each = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return {"rim": (weight * each).sum() / weight.sum().clamp_min(1)}


RIM = Head(
    name="rim",
    help="the outermost pixels of each nucleus",
    channels=("rim",),
    activation="sigmoid",
    exported=True,
    needs_instances=True,
    target=make_rim,
    loss=rim_loss,
)


def load(model, device, threads, precision):
    """Load a model's graph in ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    session = onnxruntime.InferenceSession(model.graph(), options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(["maps"], {"image": batch})[0]


RUNTIME = Backend("onnxruntime", ("onnxruntime",), lambda device: find_spec("onnxruntime") is not None, load)
