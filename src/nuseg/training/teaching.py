"""A teacher: what another model, in the mean of its eight views, sees in the training images (distillation)."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from nuseg.datasets.dataset import Dataset, Item, load_pixels
from nuseg.datasets.seen import image_code
from nuseg.engines.loading import load_engine
from nuseg.engines.maps import quantise
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.io.opening import open_source
from nuseg.model.store import Model, choose_model
from nuseg.progress import ProgressCallback, tracked
from nuseg.segmentation.resample import resample
from nuseg.segmentation.tiling import predict_maps
from nuseg.training.config import TrainConfig
from nuseg.types import RGB

TAUGHT = ("mask", "distance")
FOLDER = "teacher"  # in the run folder


class Teaching:
    """The maps of a teacher for every training image, kept as files.

    Source: Hinton et al., "Distilling the knowledge in a neural network", 2015.

    Parameters
    ----------
    teacher
        Whose maps are learned, with as many views as are averaged.
    folder
        Of the maps; those of other teachers may be there, too.
    device
        To run the teacher on.
    """

    def __init__(self, teacher: Model, folder: Path, device: str) -> None:
        self.teacher, self.folder, self.device = teacher, folder, device
        self.code = teaching_code(teacher)

    def path(self, pixels: RGB, mpp: float) -> Path:
        """File of the maps of an image of `mpp` um/px."""
        return self.folder / f"{self.code}-{image_code(pixels)}-{mpp:g}.png"

    def prepare(self, items: Sequence[Item], progress: ProgressCallback | None = None) -> None:
        """Make the maps that lack."""
        engine = None
        for item in tracked(items, "maps of the teacher", progress):
            pixels = load_pixels(item)
            if read_maps(self.path(pixels, item.mpp), pixels) is not None:
                continue
            engine = engine or load_engine(self.teacher, self.device, precision="bf16")
            config = self.teacher.config
            maps = quantise(predict_maps(engine, resample(open_source(pixels), item.mpp, config.mpp), config))
            chosen = np.stack([maps[config.maps.index(name)] for name in TAUGHT], axis=2)
            # Not by Pillow, which would take the second map for opacity.
            fitting = cv2.resize(chosen, (pixels.shape[1], pixels.shape[0]), interpolation=cv2.INTER_LINEAR)
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic_path(self.path(pixels, item.mpp)) as temporary:
                Image.fromarray(fitting).save(temporary, "PNG")

    def maps(self, pixels: RGB, mpp: float) -> np.ndarray:
        """Maps of an image, as prepared: `(h, w, 2)` uint8, mask and distance."""
        path = self.path(pixels, mpp)
        found = read_maps(path, pixels)
        if found is None:
            raise NusegError(f"{path}: maps of the teacher, found none or damaged: start the training again")
        return found


def read_maps(path: Path, pixels: RGB) -> np.ndarray | None:
    """Read the maps of an image; None where there are none, or damaged ones."""
    height, width = pixels.shape[:2]
    try:
        with Image.open(path) as image:
            fits = image.size == (width, height) and len(image.getbands()) == len(TAUGHT)
            return np.asarray(image) if fits else None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def teaching_code(teacher: Model) -> str:
    """Short code of all that a teacher's maps depend on."""
    config = teacher.config
    return image_code(np.frombuffer(f"{sorted(config.files.items())} {config.orientations}".encode(), np.uint8))


def find_teacher(config: TrainConfig) -> Model | None:
    """The model that teaches, in eight views; None where none does.

    Raises
    ------
    NusegError
        It is missing or damaged, or has other maps.
    """
    if config.teacher.model is None:
        return None
    teacher = choose_model(config.teacher.model, "best")
    lacking = [name for name in TAUGHT if name not in teacher.config.maps]
    if lacking:
        raise NusegError(
            f"teacher.model {config.teacher.model}: expected the maps {' and '.join(TAUGHT)}, it has "
            f"{', '.join(teacher.config.maps)}: choose a model that nuseg trained"
        )
    return teacher


def check_unlabelled(datasets: Sequence[Dataset], config: TrainConfig) -> None:
    """Refuse names of unlabelled datasets that are none of the datasets'."""
    names = [dataset.name for dataset in datasets]
    unknown = [name for name in config.teacher.unlabelled if name not in names]
    if unknown:
        raise NusegError(f"teacher.unlabelled names {', '.join(unknown)}, but the datasets are {', '.join(names)}")


def prepare_teaching(
    teacher: Model | None,
    datasets: Sequence[Dataset],
    run: Path,
    config: TrainConfig,
    progress: ProgressCallback | None = None,
) -> Teaching | None:
    """Make the maps of the teacher for all training images, where there is one."""
    if teacher is None:
        return None
    device = "cpu" if config.compute.accelerator == "cpu" else "auto"
    teaching = Teaching(teacher, config.teacher.maps or run / FOLDER, device)
    teaching.prepare([item for dataset in datasets for item in dataset.split("train")], progress)
    return teaching
