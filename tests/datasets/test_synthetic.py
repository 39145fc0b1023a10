import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label as connected
from skimage.measure import regionprops

from nuseg.datasets.synthetic import POPULATIONS, synthetic_field
from nuseg.datasets.synthetic.noise import smooth_noise, stretch_along
from nuseg.datasets.synthetic.nuclei import draw_shape
from nuseg.datasets.synthetic.placing import Truth
from nuseg.errors import NusegError
from nuseg.measure.stain import optical_density


def round_nucleus(x, y=10.0, radius=4.0):
    rng = np.random.default_rng(0)
    kind = POPULATIONS[0]
    drawn = draw_shape(rng, kind, y, x, np.zeros((1, 1), np.float32))
    return type(drawn)(kind, y, x, radius, radius, 0.0, 0.0, np.zeros((3, 2)))


def touching_pairs(labels):
    pairs = set()
    for a, b in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        meet = (a != b) & (a > 0) & (b > 0)
        pairs |= {(min(p), max(p)) for p in zip(a[meet].tolist(), b[meet].tolist(), strict=True)}
    return pairs


def test_same_seed_same_field():
    first, again = synthetic_field(90, 70, 3), synthetic_field(90, 70, 3)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    other = synthetic_field(90, 70, 4)
    assert (first[0] != other[0]).any()
    assert (first[1] != other[1]).any()


@given(
    st.integers(1, 64),
    st.integers(1, 64),
    st.integers(0, 10**6),
    st.floats(0.1, 2.0),
    st.sampled_from([0, 500, 5000, 20000]),
    st.floats(0, 1),
)
@settings(deadline=None, max_examples=30)
def test_labels_are_whole_nuclei(height, width, seed, mpp, density, touching):
    pixels, labels = synthetic_field(height, width, seed, mpp, density, touching)
    assert pixels.shape == (height, width, 3)
    assert pixels.dtype == np.uint8
    assert labels.shape == (height, width)
    assert labels.dtype == np.int32
    count = labels.max()
    np.testing.assert_array_equal(np.unique(labels[labels > 0]), np.arange(1, count + 1))
    for nucleus in range(1, count + 1):
        assert connected(labels == nucleus, connectivity=1).max() == 1


def test_no_nuclei_where_none_are_asked():
    pixels, labels = synthetic_field(100, 120, 1, nuclei_per_mm2=0)
    assert not labels.any()
    assert pixels.std() > 5  # but tissue


def test_one_pixel():
    pixels, labels = synthetic_field(1, 1, 0)
    assert pixels.shape == (1, 1, 3)
    assert labels.tolist() == [[0]]


@pytest.mark.parametrize("density", [1500, 6000, 12000])
def test_count_follows_density(density):
    _, labels = synthetic_field(400, 500, 2, nuclei_per_mm2=density)
    area_mm2 = 400 * 500 * 0.25**2 / 1e6
    assert labels.max() / area_mm2 == pytest.approx(density, rel=0.1)


def test_small_fields_have_the_right_mean():
    counts = [synthetic_field(40, 40, seed, nuclei_per_mm2=5000)[1].max() for seed in range(60)]
    assert np.mean(counts) == pytest.approx(5000 * (40 * 0.25) ** 2 / 1e6, rel=0.5)  # 0.5 of a nucleus
    assert set(counts) == {0, 1}


def test_more_than_fits_ends():
    _, labels = synthetic_field(60, 60, 0, nuclei_per_mm2=1e6)
    assert labels.max() > 2
    assert (labels > 0).mean() < 1


def test_touching_nuclei_are_there():
    together = synthetic_field(300, 300, 5, nuclei_per_mm2=8000, touching=0.8)[1]
    apart = synthetic_field(300, 300, 5, nuclei_per_mm2=8000, touching=0.0)[1]
    assert len(touching_pairs(together)) > 0.3 * together.max()
    assert len(touching_pairs(apart)) < 0.1 * apart.max()


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=15)
def test_nuclei_are_darker_than_tissue(seed):
    pixels, labels = synthetic_field(200, 200, seed)
    density = optical_density(pixels)
    inside, outside = density[labels > 0], density[labels == 0]
    # All channels, red above all: eosin hardly absorbs it.
    assert (inside.mean(0) > outside.mean(0)).all()
    assert inside[:, 0].mean() > 2 * outside[:, 0].mean()


def test_looks_like_stained_tissue():
    pixels = np.concatenate([synthetic_field(200, 200, seed)[0].reshape(-1, 3) for seed in range(6)]).astype(float)
    red, green, blue = pixels.mean(0)
    assert green < red
    assert green < blue
    assert np.percentile(pixels, 99) > 225  # glass
    assert green == pytest.approx(165, abs=30)


def test_mpp_is_magnification():
    fine = synthetic_field(400, 400, 7, mpp=0.25)[1]
    coarse = synthetic_field(200, 200, 7, mpp=0.5)[1]
    areas = {
        mpp: np.median([region.area * mpp**2 for region in regionprops(labels)])
        for mpp, labels in ((0.25, fine), (0.5, coarse))
    }
    assert fine.max() == pytest.approx(coarse.max(), abs=1)  # the same field of view
    assert areas[0.25] == pytest.approx(areas[0.5], rel=0.3)
    assert 12 < areas[0.25] < 60  # um2, as in annotated H&E


def test_populations_differ_in_form():
    median = {}
    for kind in POPULATIONS:
        _, labels = synthetic_field(300, 300, 1, 0.5, 4000, touching=0.0, populations=(kind,))
        regions = [r for r in regionprops(labels) if r.bbox[0] and r.bbox[1] and r.bbox[2] < 300 and r.bbox[3] < 300]
        median[kind.name] = (
            np.median([r.axis_major_length / r.axis_minor_length for r in regions]),
            np.median([r.area for r in regions]),
        )
    assert median["lymphocyte"][0] < 1.4 < 2 < median["fibroblast"][0]
    assert median["epithelial"][1] > 1.4 * median["lymphocyte"][1]


@pytest.mark.parametrize(
    "wrong", [{"height": 0}, {"nuclei_per_mm2": -1}, {"touching": 1.5}, {"nuclei_per_mm2": np.nan}]
)
def test_wrong_arguments(wrong):
    with pytest.raises(ValueError, match=r"field has|nuclei_per_mm2"):
        synthetic_field(**{"height": 5, "width": 5, "seed": 0, **wrong})


def test_wrong_resolution():
    with pytest.raises(NusegError, match=r"um/px"):
        synthetic_field(5, 5, 0, mpp=25)


class TestTruth:
    def test_later_nucleus_lies_above(self):
        truth = Truth((20, 30), mpp=1.0)
        assert truth.add(round_nucleus(10.0), 0.0)
        assert truth.add(round_nucleus(16.5), 0.3)
        assert truth.labels[10, 13] == 2  # within both
        assert set(np.unique(truth.labels)) == {0, 1, 2}

    def test_overlap_is_refused_where_not_asked_for(self):
        truth = Truth((20, 30), mpp=1.0)
        assert truth.add(round_nucleus(10.0), 0.0)
        before = truth.labels.copy()
        assert not truth.add(round_nucleus(16.5), 0.0)
        np.testing.assert_array_equal(truth.labels, before)
        assert len(truth.shapes) == 1

    def test_no_nucleus_is_hidden(self):
        truth = Truth((20, 30), mpp=1.0)
        assert truth.add(round_nucleus(10.0, radius=2.0), 0.0)
        assert not truth.add(round_nucleus(10.0, radius=6.0), 0.3)

    def test_no_nucleus_is_cut_in_two(self):
        truth = Truth((20, 30), mpp=1.0)
        long = round_nucleus(15.0)
        assert truth.add(type(long)(long.kind, 10.0, 15.0, 12.0, 2.0, 0.0, 0.0, np.zeros((3, 2))), 0.0)
        assert not truth.add(round_nucleus(15.0, radius=3.0), 1.0)

    def test_outside_the_image(self):
        assert not Truth((20, 30), mpp=1.0).add(round_nucleus(80.0), 0.3)


def test_depth_is_the_distance_from_the_outline():
    depth = round_nucleus(10.0, y=10.0, radius=4.0).depth(slice(0, 21), slice(0, 21), mpp=0.5)
    assert depth[10, 16] == pytest.approx(1.0, abs=1e-4)  # 6 px right = 3 um of 4
    assert depth[20, 10] == pytest.approx(-1.0, abs=1e-4)


def test_smooth_noise():
    rng = np.random.default_rng(0)
    noise = smooth_noise(rng, (300, 200), 8)
    assert noise.shape == (300, 200)
    assert noise.mean() == pytest.approx(0, abs=0.2)
    assert noise.std() == pytest.approx(1, abs=0.25)
    near = np.mean(noise[1:] * noise[:-1])
    far = np.mean(noise[40:] * noise[:-40])
    assert near > 0.8
    assert abs(far) < 0.3


def test_fibres_run_along_their_direction():
    white = np.random.default_rng(0).standard_normal((100, 100)).astype(np.float32)
    fibres = stretch_along(white, np.zeros((100, 100), np.float32), 16)
    along = np.mean(fibres[:, 1:] * fibres[:, :-1])
    across = np.mean(fibres[1:] * fibres[:-1])
    assert along > 0.5
    assert abs(across) < 0.2
