"""Texture against plain computations on a mask, wherever the nucleus lies."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from nuseg.measure.outline import outlines
from nuseg.measure.texture import KERNEL, MAPS, NAMES, SIDE, stain_maps, textures

SHAPE = (160, 160)


@pytest.fixture(scope="module")
def maps() -> np.ndarray:
    return stain_maps(np.random.default_rng(0).integers(40, 255, (*SHAPE, 3)).astype(np.uint8))


def disc(y: float, x: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return ((rows - y) ** 2 + (columns - x) ** 2 <= radius**2).astype(np.int32)


def test_it_is_what_a_mask_says(maps: np.ndarray) -> None:
    mask = disc(80, 70, 9)
    found = dict(zip(NAMES, textures(maps, outlines(mask))[0], strict=True))
    own = maps[mask > 0]
    ring = maps[binary_dilation(mask, KERNEL) & (mask == 0)]
    window = maps[80 - SIDE // 2 : 80 + SIDE // 2 + 1, 70 - SIDE // 2 : 70 + SIDE // 2 + 1].reshape(-1, len(MAPS))
    for place, name in enumerate(MAPS):
        # Pixels that an outline halves may fall on either side.
        assert found[f"inside_{name}"] == pytest.approx(own[:, place].mean(), abs=0.02)
        assert found[f"spread_{name}"] == pytest.approx(own[:, place].std(), abs=0.02)
        assert found[f"ring_{name}"] == pytest.approx(ring[:, place].mean(), abs=0.03)
        assert found[f"window_{name}"] == pytest.approx(window[:, place].mean(), abs=1e-4)
        assert found[f"window_spread_{name}"] == pytest.approx(window[:, place].std(), abs=1e-3)


def test_a_plain_field_has_no_texture() -> None:
    found = dict(
        zip(NAMES, textures(stain_maps(np.full((*SHAPE, 3), 90, np.uint8)), outlines(disc(80, 80, 6)))[0], strict=True)
    )
    assert found["inside_haematoxylin"] == pytest.approx(found["window_haematoxylin"], abs=1e-5)
    assert all(abs(found[name]) < 2e-3 for name in NAMES if "spread" in name or name.endswith(("gradient", "spots")))


@pytest.mark.parametrize("place", [(0.0, 0.0), (159.0, 159.0), (80.0, 80.0)])
@pytest.mark.parametrize("size", [0.2, 3.0, 400.0])
def test_every_outline_gives_numbers(maps: np.ndarray, place: tuple[float, float], size: float) -> None:
    x, y = place
    ring = np.array([[x, y], [x + size, y], [x + size, y + size]]) - size / 3
    assert np.isfinite(textures(maps, [ring])).all()


def test_no_nuclei(maps: np.ndarray) -> None:
    assert textures(maps, []).shape == (0, len(NAMES))
