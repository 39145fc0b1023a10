"""nuseg: segment, count and measure cell nuclei in H&E images with a U-Net.

>>> import nuseg
>>> result = nuseg.segment("image.png", mpp=0.25)
>>> len(result.nuclei)
"""

import sys
from importlib import import_module
from typing import Any

# OpenVINO and NNCF tell their makers of each use, by a package without which they do not.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

# Where each public name lives; loaded when first used, so that `import nuseg` is instant. `__init__.pyi` tells type
# checkers the same.
HOMES = {
    "ConvertOptions": "nuseg.datasets.conversion",
    "Dataset": "nuseg.datasets.dataset",
    "Image": "nuseg.io.image",
    "NusegError": "nuseg.errors",
    "Output": "nuseg.results.output",
    "PrepareSettings": "nuseg.datasets.prepare",
    "Progress": "nuseg.progress",
    "Region": "nuseg.segmentation.region",
    "SegmentOptions": "nuseg.segmentation.plan",
    "Segmentation": "nuseg.results.segmentation",
    "Segmenter": "nuseg.segmentation.segmenter",
    "Source": "nuseg.io.source",
    "TrainConfig": "nuseg.training.config",
    "annotation_formats": "nuseg.annotations.registry",
    "check_dataset": "nuseg.quality.dataset_check",
    "classify": "nuseg.classification.run",
    "compare": "nuseg.evaluation.compare",
    "convert_annotations": "nuseg.datasets.conversion",
    "evaluate": "nuseg.evaluation",
    "evaluate_dataset": "nuseg.evaluation.dataset",
    "export_bioimageio": "nuseg.model.bioimageio",
    "fit_stain": "nuseg.preprocess.stain.normaliser",
    "load_model": "nuseg.model.store",
    "normalise_stain": "nuseg.preprocess.stain.normaliser",
    "open_slide": "nuseg.io.opening",
    "open_source": "nuseg.io.opening",
    "outputs": "nuseg.results.registry",
    "prepare": "nuseg.datasets.prepare",
    "prepare_public": "nuseg.datasets.public.prepare_public",
    "public_datasets": "nuseg.datasets.public.registry",
    "read_image": "nuseg.io.opening",
    "read_region": "nuseg.segmentation.region",
    "read_spatialdata": "nuseg.results.formats.spatialdata",
    "segment": "nuseg.segmentation.segmenter",
    "segment_folder": "nuseg.segmentation.folder",
    "stain_methods": "nuseg.preprocess.stain.registry",
    "train": "nuseg.training.fit",
    "train_seeds": "nuseg.training.seeds",
    "write_report": "nuseg.results.cohort.report",
}
NAMES_THERE = {"evaluate": "score_image"}
__all__ = sorted(HOMES)


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'nuseg' has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), NAMES_THERE.get(name, name))


def __dir__() -> list[str]:
    return __all__
