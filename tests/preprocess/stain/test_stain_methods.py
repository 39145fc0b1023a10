"""Stains that are known are found; what other implementations say is said here, too; nothing is ever NaN."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import dict_learning, sparse_encode
from torchstain.numpy.normalizers import NumpyMacenkoNormalizer, NumpyReinhardNormalizer

from nuseg.io.opening import read_image
from nuseg.preprocess.stain.amounts import MIN_DENSITY, density_over, is_stained, least_squares
from nuseg.preprocess.stain.fit import WHITE, StainFit
from nuseg.preprocess.stain.methods.macenko import METHOD as MACENKO
from nuseg.preprocess.stain.methods.reinhard import METHOD as REINHARD
from nuseg.preprocess.stain.methods.vahadane import METHOD as VAHADANE
from nuseg.preprocess.stain.methods.vahadane import SPARSITY, sparse_amounts
from nuseg.preprocess.stain.registry import shipped_target, stain_methods
from stained import OTHER, USUAL, amounts_of, degrees, field, pixels_of

GREY_GLASS = (236.0, 229.0, 238.0)
REAL = ("tnbc/images/01_1.png", "consep-train/images/train_1.png", "nuinsseg-binary/images/001.png")
THEIR_WHITE = 240
LN10 = np.log(10)


def stained_of(pixels: np.ndarray, white: tuple[float, float, float] = WHITE) -> np.ndarray:
    flat = pixels.reshape(-1, 3)
    return flat[is_stained(density_over(flat, white))]


@pytest.fixture(params=["generated", *REAL])
def image(request: pytest.FixtureRequest) -> np.ndarray:
    """A generated field, or a part of a real image of each of several laboratories."""
    if request.param == "generated":
        return field(120, 100, OTHER)
    folder: Path = request.getfixturevalue("real_data")
    return read_image(folder / request.param).pixels[:250, :250]


@pytest.mark.parametrize("method", [MACENKO, VAHADANE], ids=lambda method: method.name)
@pytest.mark.parametrize("white", [WHITE, GREY_GLASS])
@pytest.mark.parametrize("vectors", [USUAL, OTHER], ids=["usual", "other"])
def test_known_stains_are_found(method, white, vectors):
    amounts = amounts_of(20_000)
    pixels = pixels_of(amounts, vectors, white)
    found = method.fit(stained_of(pixels, white), white)
    assert max(degrees(found.vectors[k], vectors[k]) for k in (0, 1)) < 2
    assert found.values["amounts"] == pytest.approx(np.percentile(amounts, 99, axis=0), rel=0.05)
    separated = method.amounts(density_over(pixels, white), found.vectors)
    assert np.abs(separated - amounts).mean() < 0.02


@pytest.mark.parametrize("method", [MACENKO, VAHADANE], ids=lambda method: method.name)
def test_normalised_has_the_stains_of_the_target(method):
    amounts = amounts_of(20_000)
    pale, good = pixels_of(amounts * 0.7, USUAL, GREY_GLASS), pixels_of(amounts, OTHER)
    found, target = method.fit(stained_of(pale, GREY_GLASS), GREY_GLASS), method.fit(stained_of(good), WHITE)
    normalised = method.transform(pale[None], found, target)[0]
    assert np.abs(normalised.astype(int) - good).mean() < 3
    assert np.abs(pale.astype(int) - good).mean() > 20


def test_macenko_equals_torchstain(image):
    shifted = np.clip(image.astype(int) + 1, 1, 255).astype(np.uint8)  # they take the logarithm of value + 1
    white = (float(THEIR_WHITE),) * 3
    stained = stained_of(shifted, white)
    stained = stained[(density_over(stained, white) >= MIN_DENSITY).all(axis=1)]  # they leave out the others
    given = (stained - 1)[:, None]
    theirs = NumpyMacenkoNormalizer()
    target = MACENKO.fit(pixels_of(amounts_of(5000), OTHER), WHITE)
    theirs.HERef, theirs.maxCRef = target.vectors.T, np.array(target.values["amounts"]) * LN10
    normalised, _, _ = theirs.normalize(given)
    found = MACENKO.fit(stained, white)
    theirs.fit(given)
    assert found.vectors == pytest.approx(theirs.HERef.T, abs=1e-5)
    assert np.array(found.values["amounts"]) * LN10 == pytest.approx(theirs.maxCRef, rel=1e-4)
    ours = MACENKO.transform(stained[:, None], found, target)
    dark = normalised < THEIR_WHITE  # beyond it they clip the background away
    assert np.abs(ours[dark] * (THEIR_WHITE / 255) - normalised[dark]).max() < 1.6  # they cut, we round


def test_reinhard_equals_torchstain(image):
    stained = stained_of(image)[:, None]
    wanted = pixels_of(amounts_of(5000), OTHER)[:, None]
    theirs = NumpyReinhardNormalizer()
    theirs.fit(wanted)
    ours = REINHARD.transform(stained, REINHARD.fit(stained[:, 0], WHITE), REINHARD.fit(wanted[:, 0], WHITE))
    assert np.abs(ours.astype(int) - theirs.normalize(stained)).max() <= 1  # they cut, we round


def test_sparse_amounts_equal_scikit_learn():
    rng = np.random.default_rng(0)
    density = rng.uniform(0, 1.5, (300, 3))
    for price in (0.01, 0.2):
        theirs = sparse_encode(
            density, OTHER, algorithm="lasso_cd", alpha=price, positive=True, max_iter=5000, check_input=False
        )
        assert sparse_amounts(density, OTHER, price) == pytest.approx(theirs, abs=2e-3)


@pytest.mark.filterwarnings("ignore:Objective did not converge")  # to the last of its digits
def test_vahadane_equals_scikit_learn(image):
    stained = stained_of(image)[::7][:600]
    density = density_over(stained, WHITE).astype(np.float64)
    found = VAHADANE.fit(stained, WHITE)
    start = MACENKO.fit(stained, WHITE).vectors
    code, stains, errors = dict_learning(
        density,
        n_components=2,
        alpha=SPARSITY,
        method="cd",
        positive_dict=True,
        positive_code=True,
        dict_init=start,
        code_init=sparse_amounts(density, start, SPARSITY).astype(np.float64),
        max_iter=200,
        tol=1e-8,
    )
    assert max(degrees(found.vectors[k], stains[k]) for k in (0, 1)) < 1
    ours = sparse_amounts(density, found.vectors, SPARSITY)
    cost = ((density - ours @ found.vectors) ** 2).sum() / 2 + SPARSITY * ours.sum()
    assert cost <= errors[-1] * 1.001
    assert np.isfinite(code).all()


@pytest.mark.parametrize("method", stain_methods.values(), ids=lambda method: method.name)
def test_a_pixel_does_not_depend_on_its_neighbours(method):
    pixels = np.random.default_rng(3).integers(0, 256, (37, 41, 3)).astype(np.uint8)
    found = method.fit(stained_of(field(60, 60)), WHITE)
    whole = method.transform(pixels, found, shipped_target(method.name))
    for rows, columns in ((slice(0, 1), slice(0, 1)), (slice(3, 20), slice(5, 12)), (slice(36, 37), slice(0, 41))):
        part = method.transform(pixels[rows, columns], found, shipped_target(method.name))
        assert np.array_equal(part, whole[rows, columns])


@pytest.mark.parametrize("method", stain_methods.values(), ids=lambda method: method.name)
@settings(max_examples=60, deadline=None)
@given(
    colours=st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=2, max_size=6),
    glass=st.tuples(*[st.integers(180, 255)] * 3),
    noise=st.integers(0, 3),
)
def test_nothing_is_nan_whatever_the_colours(method, colours, glass, noise):
    white = tuple(map(float, glass))
    rng = np.random.default_rng(0)
    pixels = np.array(colours)[rng.integers(0, len(colours), 400)] + rng.integers(-noise, noise + 1, (400, 3))
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    found = method.fit(pixels, white)  # the model refuses NaN and infinity
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(1, abs=1e-6)
    assert degrees(found.vectors[0], found.vectors[1]) > 1
    shown = np.concatenate([pixels, [[255, 255, 255], np.ceil(white)]]).astype(np.uint8)[None]
    normalised = method.transform(shown, found, shipped_target(method.name))
    assert normalised.dtype == np.uint8
    assert np.array_equal(normalised[0, -2:], np.full((2, 3), 255))
    assert np.isfinite(method.amounts(density_over(shown, white), found.vectors)).all()


@pytest.mark.parametrize("method", stain_methods.values(), ids=lambda method: method.name)
@pytest.mark.parametrize("strength", [0.3, 0.5, 2.0])
def test_pale_and_dark_images_keep_white_and_are_brought_nearer(method, strength):
    amounts = np.concatenate([amounts_of(4000) * strength, np.zeros((50, 2))])
    pixels = pixels_of(amounts)
    found = method.fit(stained_of(pixels), WHITE)
    target = method.fit(pixels_of(amounts_of(4000), OTHER), WHITE)
    normalised = method.transform(pixels[None], found, target)[0]
    assert (normalised[-50:] == 255).all()
    wanted = pixels_of(amounts_of(4000), OTHER).mean(axis=0)
    before, after = (np.abs(each[:4000].mean(axis=0) - wanted).sum() for each in (pixels, normalised))
    assert after < before


def test_gain_is_bounded():
    faint = MACENKO.fit(pixels_of(amounts_of(3000) * 0.02 + 0.1), WHITE)
    target = StainFit(method="macenko", values={"amounts": (50.0, 50.0)}, pixels=1)
    pixels = pixels_of(np.array([[0.02, 0.02]]))[None]
    amounts = least_squares(density_over(pixels, WHITE), faint.vectors)
    after = density_over(MACENKO.transform(pixels, faint, target), WHITE)
    assert after.sum() < 6 * np.abs(amounts).sum() * 2


def test_one_stain_alone_is_taken_for_what_it_is_nearer_to():
    amounts = amounts_of(3000)
    for stain in (0, 1):
        alone = amounts.sum(axis=1, keepdims=True) * np.eye(2)[stain]
        for method in (MACENKO, VAHADANE):
            found = method.fit(stained_of(pixels_of(alone)), WHITE)
            assert degrees(found.vectors[stain], USUAL[stain]) < 3
