"""Thresholds by measurement: the values that score best on the validation images."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from nuseg.engines.threads import available_cores
from nuseg.evaluation.object import object_scores
from nuseg.io.opening import open_source
from nuseg.measure.probability import Calibration
from nuseg.measure.rasterise import draw_labels
from nuseg.model.config import ModelConfig, Thresholds
from nuseg.progress import Progress, ProgressCallback
from nuseg.segmentation.label_maps import label_maps
from nuseg.segmentation.pipeline import nuclei_of_maps
from nuseg.segmentation.resample import ModelGrid
from nuseg.segmentation.tiling import DEFAULT_TILE
from nuseg.types import RGB, Floats, LabelImage, Mask

# Where the search begins: what was good for several networks.
START = Thresholds(mask=0.5, distance_share=0.3, marker=0.3, min_raw_probability=0.5)
# A change has to gain this much of AJI + PQ: less is chance, where the images are few.
LEAST_GAIN = 0.002
# Tried one after the other, each with the best of those before; twice, since they depend on one another.
CANDIDATES = {
    "mask": (0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75),
    "distance_share": (0.0, 0.15, 0.3, 0.45, 0.6),
    "marker": (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8),
    "smoothing": (0.0, 1.0, 2.0, 3.0),
    "min_area_um2": (2.0, 5.0, 8.0, 12.0),
    "min_raw_probability": (0.0, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65),
}


@dataclass(frozen=True)
class Example:
    """A validation image as the thresholds see it.

    Attributes
    ----------
    pixels : (h, w, 3) uint8
        The image.
    maps : (k, h', w') uint8
        Its quantised maps on the model's grid, from `nuseg.segmentation.tiling.predict_maps`.
    labels : (h, w) integer
        True nuclei.
    mpp : float
        Resolution of the image (um/px).
    dataset : str
        Name of its dataset.
    model : ModelConfig
        That the maps are from.
    ignore : (h, w) bool, optional
        True where it is not known what is there.
    """

    pixels: RGB
    maps: np.ndarray
    labels: LabelImage
    mpp: float
    dataset: str
    model: ModelConfig
    ignore: Mask | None = None

    @cached_property
    def grid(self) -> ModelGrid:
        """The image at the model's resolution."""
        return ModelGrid.of(open_source(self.pixels), self.mpp, self.model.mpp)

    def find(self, thresholds: Thresholds) -> tuple[LabelImage, Floats]:
        """Find nuclei as users get them: label image `(h, w)` int32, and the raw probability of nuclei 1..N."""
        if max(self.grid.shape) <= DEFAULT_TILE:
            return label_maps(self.maps, self.grid, self.mpp, thresholds)
        model = self.model.model_copy(update={"thresholds": thresholds, "calibration": Calibration()})
        found = nuclei_of_maps(self.grid.source, model, self.maps, self.mpp)
        height, width = self.labels.shape
        labels = draw_labels(found.polygons, found.table["id"].to_numpy(), (height, width))
        return labels, found.table["probability"].to_numpy()

    def score(self, thresholds: Thresholds) -> dict[str, float]:
        """Scores per nucleus of what is found."""
        return object_scores(self.labels, self.find(thresholds)[0], self.ignore)


def score_thresholds(
    examples: Sequence[Example], thresholds: Thresholds, pool: Executor | None = None
) -> dict[str, float]:
    """Mean AJI and PQ over datasets, of each the mean over its images: a dataset of many images counts no more.

    Parameters
    ----------
    examples
        Validation images whose nuclei are annotated one by one.
    thresholds
        To score.
    pool
        Threads to do so in; default: all cores.
    """
    if pool is None:
        with ThreadPoolExecutor(available_cores()) as own:
            return score_thresholds(examples, thresholds, own)
    scores = defaultdict(list)
    for example, score in zip(examples, pool.map(lambda one: one.score(thresholds), examples), strict=True):
        scores[example.dataset].append(score)
    means = [{name: np.mean([score[name] for score in rows]) for name in ("aji", "pq")} for rows in scores.values()]
    return {name: float(np.mean([mean[name] for mean in means])) for name in ("aji", "pq")}


def tune_thresholds(
    examples: Sequence[Example], start: Thresholds, rounds: int = 3, progress: ProgressCallback | None = None
) -> Thresholds:
    """Search the thresholds one at a time for the best AJI + PQ: AJI minds the outlines, PQ that nuclei are told apart.

    Parameters
    ----------
    examples
        Validation images whose nuclei are annotated one by one.
    start
        Where the search begins; kept where nothing is better by `LEAST_GAIN`.
    rounds
        How often every threshold is visited, at most: a round that changes nothing is the last.
    progress
        Called after every value that was tried.
    """
    tries, done = rounds * sum(len(values) for values in CANDIDATES.values()), 0
    with ThreadPoolExecutor(available_cores()) as pool:

        @cache  # later rounds ask again for much of what earlier ones did
        def score_of(thresholds: Thresholds) -> float:
            return sum(score_thresholds(examples, thresholds, pool).values())

        best, best_score = start, score_of(start)
        for _ in range(rounds):
            before = best
            for name, values in CANDIDATES.items():
                tried, tried_score = best, best_score
                for value in values:
                    candidate = best.model_copy(update={name: value})
                    if candidate != best:
                        score = score_of(candidate)
                        if score > tried_score:
                            tried, tried_score = candidate, score
                    done += 1
                    if progress is not None:
                        progress(Progress("tuning thresholds, values tried", done, tries))
                if tried_score >= best_score + LEAST_GAIN:
                    best, best_score = tried, tried_score
            if best == before:
                break
    return best
