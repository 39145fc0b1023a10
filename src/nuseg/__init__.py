"""nuseg: segment, count and measure cell nuclei in H&E images with a U-Net.

>>> import nuseg
>>> result = nuseg.segment("image.png", mpp=0.25)
>>> len(result.nuclei)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nuseg.evaluation import score_image as evaluate
    from nuseg.io.image import read_image
    from nuseg.io.source import open_slide
    from nuseg.model.store import load_model
    from nuseg.segmentation.pipeline import segment_slide
    from nuseg.segmentation.segmenter import Segmentation, segment
    from nuseg.training.fit import train

__all__ = [
    "Segmentation",
    "evaluate",
    "load_model",
    "open_slide",
    "read_image",
    "segment",
    "segment_slide",
    "train",
]

# Where each public name lives; loaded when first used, so that `import nuseg` is instant.
HOMES = {
    "Segmentation": ("nuseg.segmentation.segmenter", "Segmentation"),
    "evaluate": ("nuseg.evaluation", "score_image"),
    "load_model": ("nuseg.model.store", "load_model"),
    "open_slide": ("nuseg.io.source", "open_slide"),
    "read_image": ("nuseg.io.image", "read_image"),
    "segment": ("nuseg.segmentation.segmenter", "segment"),
    "segment_slide": ("nuseg.segmentation.pipeline", "segment_slide"),
    "train": ("nuseg.training.fit", "train"),
}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'nuseg' has no attribute {name!r}")
    module, attribute = HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return __all__
