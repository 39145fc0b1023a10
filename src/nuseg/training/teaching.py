"""A teacher: what other models, in the mean of their eight views, see in the training images (distillation)."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from nuseg.datasets.dataset import Dataset, Item, load_pixels
from nuseg.datasets.seen import image_code
from nuseg.engines.engine import Engine
from nuseg.engines.loading import load_engine
from nuseg.engines.maps import quantise
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.io.opening import open_source
from nuseg.model.config import ModelConfig
from nuseg.model.store import Model, checksums, choose_model
from nuseg.progress import ProgressCallback, tracked
from nuseg.segmentation.resample import resample
from nuseg.segmentation.tiling import predict_maps
from nuseg.training.config import TrainConfig
from nuseg.types import RGB, Floats

TAUGHT = ("mask", "distance")
FOLDER = "teacher"  # in the run folder


class Teaching:
    """The maps of a teacher, one model or several, for every training image, kept as files.

    Source: Hinton et al., "Distilling the knowledge in a neural network", 2015, who also learn the mean of several.

    Parameters
    ----------
    teachers
        The models whose maps are learned, with as many views as are averaged.
    folder
        Of the maps; those of other teachers may be there, too.
    device
        To run the models on.
    """

    def __init__(self, teachers: Sequence[Model], folder: Path, device: str) -> None:
        self.teachers, self.folder, self.device = teachers, folder, device
        self.code = teaching_code(teachers)

    def path(self, pixels: RGB, mpp: float) -> Path:
        """File of the maps of an image of `mpp` um/px."""
        return self.folder / f"{self.code}-{image_code(pixels)}-{mpp:g}.png"

    def prepare(self, items: Sequence[Item], progress: ProgressCallback | None = None) -> None:
        """Make the maps that lack."""
        engines: list[Engine] = []
        for item in tracked(items, "maps of the teacher", progress):
            pixels = load_pixels(item)
            if read_maps(self.path(pixels, item.mpp), pixels) is not None:
                continue
            engines = engines or [load_engine(model, self.device, precision="bf16") for model in self.teachers]
            seen = [
                taught_maps(engine, model.config, pixels, item.mpp)
                for engine, model in zip(engines, self.teachers, strict=True)
            ]
            maps = quantise(np.mean(seen, axis=0, dtype=np.float32))
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic_path(self.path(pixels, item.mpp)) as temporary:
                Image.fromarray(np.moveaxis(maps, 0, 2).copy()).save(temporary, "PNG")

    def maps(self, pixels: RGB, mpp: float) -> np.ndarray:
        """Maps of an image, as prepared: `(h, w, 2)` uint8, mask and distance."""
        path = self.path(pixels, mpp)
        found = read_maps(path, pixels)
        if found is None:
            raise NusegError(f"{path}: maps of the teacher, found none or damaged: start the training again")
        return found


def taught_maps(engine: Engine, config: ModelConfig, pixels: RGB, mpp: float) -> Floats:
    """What one model sees in an image, at the image's resolution: `(2, h, w)` of 0..1, mask and distance."""
    maps = predict_maps(engine, resample(open_source(pixels), mpp, config.mpp), config)
    height, width = pixels.shape[:2]
    chosen = [maps[config.maps.index(name)] for name in TAUGHT]
    return np.stack([cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in chosen])


def read_maps(path: Path, pixels: RGB) -> np.ndarray | None:
    """Read the maps of an image; None where there are none, or damaged ones."""
    height, width = pixels.shape[:2]
    try:
        with Image.open(path) as image:
            fits = image.size == (width, height) and len(image.getbands()) == len(TAUGHT)
            return np.asarray(image) if fits else None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def teaching_code(teachers: Sequence[Model]) -> str:
    """Short code of all that the maps of models depend on, in whatever order they are."""
    parts = sorted(f"{sorted(checksums(model).items())} {model.config.orientations}" for model in teachers)
    return image_code(np.frombuffer(" ".join(parts).encode(), np.uint8))


def find_teachers(config: TrainConfig) -> tuple[Model, ...]:
    """The models that teach, in eight views each; empty where none does.

    Raises
    ------
    NusegError
        One is missing or damaged, has other maps, or is there twice.
    """
    found: dict[str, Model] = {}
    for name in config.teacher.models:
        model = choose_model(name, "best")
        if not set(TAUGHT) <= set(model.config.maps):
            raise NusegError(
                f"teacher.model {name}: expected the maps {' and '.join(TAUGHT)}, it has "
                f"{', '.join(model.config.maps)}: choose a model that nuseg trained"
            )
        if found.setdefault(teaching_code([model]), model) is not model:
            raise NusegError(f"teacher.model {name}: expected different models, found this one twice: name it once")
    return tuple(found.values())


def check_unlabelled(datasets: Sequence[Dataset], config: TrainConfig) -> None:
    """Refuse names of unlabelled datasets that are none of the datasets'."""
    names = [dataset.name for dataset in datasets]
    unknown = [name for name in config.teacher.unlabelled if name not in names]
    if unknown:
        raise NusegError(f"teacher.unlabelled names {', '.join(unknown)}, but the datasets are {', '.join(names)}")


def prepare_teaching(
    teachers: Sequence[Model],
    datasets: Sequence[Dataset],
    run: Path,
    config: TrainConfig,
    progress: ProgressCallback | None = None,
) -> Teaching | None:
    """Make the maps of the models that teach for all training images, where there are any."""
    if not teachers:
        return None
    device = "cpu" if config.compute.accelerator == "cpu" else "auto"
    teaching = Teaching(teachers, config.teacher.maps or run / FOLDER, device)
    teaching.prepare([item for dataset in datasets for item in dataset.split("train")], progress)
    return teaching
