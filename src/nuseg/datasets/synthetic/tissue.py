"""Tissue without its nuclei: glands with lumens, nests of epithelium, fibrous stroma, red blood cells, tears."""

from dataclasses import dataclass

import cv2
import numpy as np

from nuseg.datasets.synthetic.noise import smooth_noise, stretch_along
from nuseg.types import Floats

GAP_SHARE = (0.02, 0.14)  # of a field that is empty glass
EPITHELIUM_SHARE = (0.25, 0.6)
GLAND_DEPTH_UM = 22.0  # epithelium lines a lumen about this deep
FAR_UM = 500.0  # depth in a field without glass
ERYTHROCYTE_RADIUS_UM = 2.9
ERYTHROCYTE_GROUPS_PER_MM2 = 120


@dataclass(frozen=True)
class Tissue:
    """What a field holds besides nuclei; every array is `(h, w)` float32.

    Attributes
    ----------
    haematoxylin, eosin
        Optical density of each stain outside nuclei.
    gap
        Share of empty glass, 0..1.
    epithelium
        Share of epithelium, 0..1; what is neither this nor gap is stroma.
    depth
        Distance to the nearest gap (um).
    direction
        Where fibres run and, near a lumen, cells stand (radians).
    """

    haematoxylin: Floats
    eosin: Floats
    gap: Floats
    epithelium: Floats
    depth: Floats
    direction: Floats


def draw_tissue(rng: np.random.Generator, shape: tuple[int, int], mpp: float) -> Tissue:
    """Draw tissue of `shape` (height, width) pixels at `mpp` um/px."""

    def noise(scale_um: float) -> Floats:
        return smooth_noise(rng, shape, scale_um / mpp)

    relief = noise(48) + 0.35 * noise(14) + 0.08 * noise(4)
    gap = share_above(relief, rng.uniform(*GAP_SHARE), softness=0.05)
    distance = cv2.distanceTransform(np.pad((gap < 0.5).astype(np.uint8), 1, "edge"), cv2.DIST_L2, 5)[1:-1, 1:-1]
    depth: Floats = np.minimum(distance, FAR_UM / mpp) * np.float32(mpp)
    lining = rng.uniform(1, 3) * np.exp(-((depth / np.float32(GLAND_DEPTH_UM)) ** 2))
    nests = noise(60) + 0.3 * noise(12) + 0.12 * noise(3.5) + lining.astype(np.float32)
    epithelium = share_above(nests, rng.uniform(*EPITHELIUM_SHARE), softness=0.2) * (1 - gap)

    course = rng.uniform(0, np.pi) + 0.5 * noise(90) + 0.32 * noise(16)
    bundles = 0.6 * stretch_along(noise(1.4), course, 40 / mpp) + 0.6 * noise(9)
    strands = stretch_along(noise(0.5), course, 14 / mpp)
    looseness = np.clip(rng.uniform(-0.4, 0.9) + 0.5 * noise(45), 0, 1.5)
    cleft = np.clip((stretch_along(noise(1.3), course + 0.25 * noise(8), 24 / mpp) - 1) * 0.9, 0, 1) * looseness
    stroma = (0.145 + 0.02 * noise(40) + 0.028 * bundles + 0.026 * strands) * (1 - 0.75 * np.clip(cleft, 0, 1))
    granular = 0.7 * noise(0.6) + 0.8 * noise(1.6) + 0.8 * noise(6)
    foam = np.clip(noise(3.2) * 0.8 + noise(11) * 0.6 - 1.1, 0, 1)  # vacuoles and mucin
    cytoplasm = (0.14 + 0.02 * noise(25) + 0.022 * granular) * (1 - 0.6 * foam)
    # The rim of tissue along glass takes more stain.
    rim = 1 + 0.5 * np.exp(-depth / 1.2)
    tissue = 1 - gap
    eosin = np.clip(stroma + epithelium * (cytoplasm - stroma), 0.015, None) * rim * tissue
    add_erythrocytes(rng, eosin, tissue * (1 - epithelium), mpp)
    purple = (0.07 + 0.02 * noise(20) + 0.016 * granular) * (1 - 0.6 * foam)
    basophilia = (0.02 + 0.008 * noise(30) + 0.006 * strands) * (1 - epithelium) + purple * epithelium
    haematoxylin = np.clip(basophilia, 0, None) * rim * tissue
    return Tissue(
        haematoxylin=haematoxylin.astype(np.float32),
        eosin=eosin.astype(np.float32),
        gap=gap,
        epithelium=epithelium,
        depth=depth,
        direction=cell_direction(course, depth, mpp),
    )


def share_above(texture: Floats, share: float, softness: float) -> Floats:
    """Mark the highest `share` of a texture with 1, the rest with 0, over a soft edge of `softness` values."""
    level = np.quantile(texture, 1 - share)
    return np.clip((texture - level) / softness, 0, 1).astype(np.float32)


def cell_direction(course: Floats, depth: Floats, mpp: float) -> Floats:
    """Direction of long cells (radians): along the fibres, but at right angles to a lumen close to it."""
    smooth = cv2.GaussianBlur(depth, (0, 0), max(4 / mpp, 0.5))
    rows, columns = depth.shape
    down = np.gradient(smooth, axis=0) if rows > 1 else np.zeros_like(smooth)
    right = np.gradient(smooth, axis=1) if columns > 1 else np.zeros_like(smooth)
    return np.where(depth < GLAND_DEPTH_UM, np.arctan2(down, right), course).astype(np.float32)


def add_erythrocytes(rng: np.random.Generator, eosin: Floats, room: Floats, mpp: float) -> None:
    """Draw groups of red blood cells (eosin discs without a nucleus) into `eosin` where there is `room` (0..1)."""
    height, width = eosin.shape
    for _ in range(rng.poisson(ERYTHROCYTE_GROUPS_PER_MM2 * height * width * mpp**2 / 1e6)):
        centre = rng.uniform(0, (height, width))
        if room[int(centre[0]), int(centre[1])] < 0.5:
            continue
        for _ in range(rng.integers(2, 14)):
            at = centre + rng.normal(0, 7 / mpp, 2)
            radius = ERYTHROCYTE_RADIUS_UM * rng.uniform(0.75, 1.1) / mpp
            top, left = np.maximum(np.floor(at - radius - 1), 0).astype(int)
            bottom, right = np.minimum(np.ceil(at + radius + 2), (height, width)).astype(int)
            if top >= bottom or left >= right:
                continue
            y, x = np.mgrid[top:bottom, left:right]
            squeeze = rng.uniform(0.8, 1.25)
            distance = np.hypot((y - at[0]) * squeeze, (x - at[1]) / squeeze)
            disc = np.clip(radius - distance + 0.5, 0, 1)
            pale = 1 - 0.25 * np.exp(-((distance / (0.5 * radius)) ** 2))  # they are thinner in the middle
            crop = eosin[top:bottom, left:right]
            np.copyto(crop, crop * (1 - disc) + disc * rng.uniform(0.3, 0.42) * pale)
