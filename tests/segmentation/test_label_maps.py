"""Label images alone are those of the whole pipeline."""

import numpy as np
import pytest

from dark_model import CONFIG
from nuseg.engines.maps import quantise
from nuseg.io.opening import open_source
from nuseg.measure.rasterise import draw_labels
from nuseg.model.config import Thresholds
from nuseg.segmentation.label_maps import label_maps
from nuseg.segmentation.pipeline import nuclei_of_maps
from nuseg.segmentation.resample import ModelGrid
from slide_files import scene

THRESHOLDS = [
    Thresholds(mask=0.5, marker=0.5, smoothing=0, min_area_um2=0),
    Thresholds(mask=0.35, distance_share=0.45, marker=0.3, smoothing=2, min_area_um2=5, min_raw_probability=0.5),
    Thresholds(mask=0.95, marker=0.9, smoothing=1),  # hardly anything is found
]


@pytest.mark.parametrize("mpp", [0.25, 0.4, 0.15])
@pytest.mark.parametrize("thresholds", THRESHOLDS)
def test_they_are_drawn_from_the_same_nuclei_with_the_same_probability(mpp: float, thresholds: Thresholds) -> None:
    source = open_source(scene(60, 90))
    grid = ModelGrid.of(source, mpp, CONFIG.mpp)
    maps = quantise(scene(*grid.shape, seed=1)[..., :2].transpose(2, 0, 1).astype(np.float32) / 255)
    labels, raw_probability = label_maps(maps, grid, mpp, thresholds)
    found = nuclei_of_maps(source, CONFIG.model_copy(update={"thresholds": thresholds}), maps, mpp)
    np.testing.assert_array_equal(labels, draw_labels(found.polygons, found.table["id"].to_numpy(), labels.shape))
    np.testing.assert_array_equal(raw_probability, found.table["probability"].to_numpy())
    assert labels.shape == (60, 90)


def test_where_nothing_is_found_there_is_nothing() -> None:
    grid = ModelGrid.of(open_source(scene(60, 90)), 0.25, CONFIG.mpp)
    labels, raw_probability = label_maps(np.zeros((2, 60, 90), np.uint8), grid, 0.25, THRESHOLDS[0])
    assert not labels.any()
    assert not len(raw_probability)
