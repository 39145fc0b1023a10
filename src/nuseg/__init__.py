"""nuseg: segment, count and measure cell nuclei in H&E images with a U-Net.

>>> import nuseg
>>> result = nuseg.segment("image.png", mpp=0.25)
>>> len(result.nuclei)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nuseg.evaluation import score_image as evaluate
    from nuseg.infer.segment import Segmentation, segment
    from nuseg.io.image import read_image
    from nuseg.model.store import load_model
    from nuseg.training.fit import train

__all__ = ["Segmentation", "evaluate", "load_model", "read_image", "segment", "train"]

# Where each public name lives; loaded when first used, so that `import nuseg` is instant.
HOMES = {
    "Segmentation": ("nuseg.infer.segment", "Segmentation"),
    "evaluate": ("nuseg.evaluation", "score_image"),
    "load_model": ("nuseg.model.store", "load_model"),
    "read_image": ("nuseg.io.image", "read_image"),
    "segment": ("nuseg.infer.segment", "segment"),
    "train": ("nuseg.training.fit", "train"),
}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'nuseg' has no attribute {name!r}")
    module, attribute = HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return __all__
