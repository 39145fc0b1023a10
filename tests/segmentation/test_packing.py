"""Components put close together: none is lost, changed or touched by another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from nuseg.measure.probability import Calibration
from nuseg.model.config import Thresholds
from nuseg.segmentation import components
from nuseg.segmentation.components import ComponentPixels, Nuclei, Rules
from nuseg.segmentation.packing import pack

RULES = Rules(Thresholds(smoothing=0, marker=0.6, min_area_um2=0, min_raw_probability=0.2), Calibration(), 0.25)


def pieces(seed: int, share: float, shape: tuple[int, int] = (40, 50)) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5)
    return ndimage.label(noise > np.quantile(noise, 1 - share))[0]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), share=st.sampled_from([0.05, 0.3, 0.6]))
def test_components_stay_as_they_are_and_apart(seed: int, share: float) -> None:
    labels = pieces(seed, share)
    y, x = np.nonzero(labels)
    owner = labels[y, x] - 1
    canvas = pack(y, x, owner)
    drawn = canvas.draw(labels[y, x])
    assert np.count_nonzero(drawn) == len(y)
    found, count = ndimage.label(drawn)
    assert count == labels.max()
    assert len(np.unique(found[drawn > 0] * (count + 1) + drawn[drawn > 0])) == count, "two components touch"
    for number, (there, here) in enumerate(
        zip(ndimage.find_objects(labels), ndimage.find_objects(drawn), strict=True), 1
    ):
        np.testing.assert_array_equal(labels[there] == number, drawn[here] == number)


def test_many_components_fill_the_canvas() -> None:
    side, count = 10, 400
    y, x = np.indices((side, side)).reshape(2, -1)
    owner = np.repeat(np.arange(count), side * side)
    canvas = pack(np.tile(y, count) + 5000 * owner, np.tile(x, count) + 3000 * (owner % 7), owner)
    assert canvas.size < 1.4 * len(owner)


@pytest.mark.parametrize("largest", [1, 900, 10**6])
@pytest.mark.parametrize("seed", range(5))
def test_nuclei_are_those_of_each_component_alone(monkeypatch: pytest.MonkeyPatch, seed: int, largest: int) -> None:
    monkeypatch.setattr(components, "LARGEST_CANVAS", largest)
    labels, rng = pieces(seed, 0.5), np.random.default_rng(seed)
    y, x = (places.astype(np.int32) for places in np.nonzero(labels))
    group = 3 * labels[y, x] + 8  # any numbers
    probability, distance = rng.integers(0, 256, len(y), np.uint8), rng.integers(0, 65_536, len(y), np.uint16)
    colour = rng.integers(0, 256, (len(y), 3), np.uint8)
    classes = rng.integers(0, 256, (len(y), 2), np.uint8)
    component = np.zeros(len(y), np.int32)
    pixels = ComponentPixels(y + 1000, x + 70_000, component, probability, distance, colour, classes)
    mixed = rng.permutation(len(y))  # as they come from several tiles
    found = pixels.take(mixed).nuclei(RULES, group[mixed])
    alone = Nuclei.together([pixels.take(np.flatnonzero(group == number)).nuclei(RULES) for number in np.unique(group)])
    assert len(found) > labels.max() / 2
    one, other = (nuclei.take(np.lexsort(nuclei.first.T[::-1])) for nuclei in (found, alone))
    for name, values in vars(one).items():
        np.testing.assert_array_equal(values, getattr(other, name), name)
