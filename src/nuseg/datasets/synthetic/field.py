"""A generated H&E field: tissue and nuclei as densities of two dyes, and the microscope that photographs them."""

import cv2
import numpy as np

from nuseg.datasets.synthetic.noise import smooth_noise
from nuseg.datasets.synthetic.nuclei import POPULATIONS, Population, Shape
from nuseg.datasets.synthetic.placing import place_nuclei
from nuseg.datasets.synthetic.tissue import Tissue, draw_tissue
from nuseg.io.resolution import check_mpp
from nuseg.measure.stain import EOSIN, HAEMATOXYLIN
from nuseg.types import RGB, Floats, LabelImage

# What Macenko et al. (ISBI 2009) measured on scanned slides; stains of a field lie between these and Ruifrok's.
SCANNED_HAEMATOXYLIN = np.array([0.5626, 0.7201, 0.4062])
SCANNED_EOSIN = np.array([0.2159, 0.8012, 0.5581])
EOSIN_IN_NUCLEUS = 0.7  # of the eosin around it
HALO_UM = 0.4  # width of the pale line around a nucleus
PSF_UM = 0.25  # sigma of the microscope's blur


def synthetic_field(
    height: int,
    width: int,
    seed: int,
    mpp: float = 0.25,
    nuclei_per_mm2: float = 5000.0,
    touching: float = 0.4,
    populations: tuple[Population, ...] = POPULATIONS,
) -> tuple[RGB, LabelImage]:
    """Generate an H&E field whose nuclei are known.

    Dyes absorb by Beer-Lambert's law: `value = white * 10 ** -(H * haematoxylin + E * eosin)`, with the stain vectors
    of Ruifrok & Johnston (2001), moved at random towards those of Macenko et al. (2009). Everything has its size in
    um, so `mpp` is the magnification of the microscope.

    Parameters
    ----------
    height, width : int
        Size (px), at least 1.
    seed : int
        The same seed gives the same field.
    mpp : float
        Resolution (um/px), 0.1..2.0.
    nuclei_per_mm2 : float
        Nuclei whose centre lies in the field, per area of the field; 0 gives tissue without nuclei. About 20 000 is
        the most that fits: beyond it, there are as many as found room.
    touching : float
        Share of nuclei put against another one, touching or partly above it, 0..1.
    populations : tuple of Population
        The kinds of nuclei.

    Returns
    -------
    pixels : (h, w, 3) uint8
        RGB.
    labels : (h, w) int32
        0 = background, 1..N = nuclei, each one 4-connected piece. Where two overlap, the pixel belongs to the one
        above.

    Raises
    ------
    NusegError
        `mpp` is outside 0.1..2.0.
    ValueError
        Another argument is out of its range.
    """
    if height < 1 or width < 1:
        raise ValueError(f"a field has at least 1 x 1 pixels, not {width} x {height}")
    if not nuclei_per_mm2 >= 0 or not 0 <= touching <= 1:
        raise ValueError(f"nuclei_per_mm2={nuclei_per_mm2} must be at least 0, touching={touching} within 0..1")
    mpp = check_mpp(mpp, "synthetic_field")
    rng = np.random.default_rng(seed)
    tissue = draw_tissue(rng, (height, width), mpp)
    expected = nuclei_per_mm2 * height * width * mpp**2 / 1e6
    count = int(expected + rng.random())  # rounded at random: small fields have the right mean
    shapes, labels = place_nuclei(rng, tissue, mpp, count, touching, populations)
    haematoxylin, eosin = stain_nuclei(rng, tissue, shapes, mpp)
    return photograph(rng, haematoxylin, eosin, mpp), labels


def stain_nuclei(rng: np.random.Generator, tissue: Tissue, shapes: list[Shape], mpp: float) -> tuple[Floats, Floats]:
    """Add nuclei to the tissue's dyes.

    Returns
    -------
    haematoxylin, eosin : (h, w) float32
        Optical density of each dye.
    """
    size = tissue.gap.shape
    chromatin = 0.65 * smooth_noise(rng, size, 0.5 / mpp) + 0.75 * smooth_noise(rng, size, 1.1 / mpp)
    nuclear = np.zeros(size, np.float32)
    cover = np.zeros(size, np.float32)
    for shape in shapes:
        rows, columns = shape.crop(size, mpp)
        depth = shape.depth(rows, columns, mpp)
        inside = np.clip(depth / mpp + 0.5, 0, 1)
        density = nucleus_density(rng, shape, rows, columns, depth, chromatin[rows, columns], mpp)
        # What lies below shines through a nucleus, and a pale line parts the two.
        seen_below = (1 - 0.7 * inside) * (1 - 0.5 * np.exp(-((np.minimum(depth, 0) / HALO_UM) ** 2)))
        nuclear[rows, columns] = nuclear[rows, columns] * seen_below + inside * density
        cover[rows, columns] = np.maximum(cover[rows, columns], inside)
    haematoxylin = tissue.haematoxylin * (1 - 0.6 * cover) + nuclear
    return haematoxylin, tissue.eosin * (1 - (1 - EOSIN_IN_NUCLEUS) * cover)


def nucleus_density(
    rng: np.random.Generator,
    shape: Shape,
    rows: slice,
    columns: slice,
    depth: Floats,
    chromatin: Floats,
    mpp: float,
) -> Floats:
    """Optical density of haematoxylin in a nucleus: chromatin, membrane, nucleoli; `(h, w)` float32 of its crop."""
    kind = shape.kind
    relative = 1 + kind.chromatin * chromatin + kind.rim * np.exp(-((np.maximum(depth, 0) / 0.55) ** 2))
    for _ in range(rng.integers(0, kind.nucleoli + 1)):
        off = rng.uniform(-0.45, 0.45, 2) * shape.short_um / mpp
        y = np.arange(rows.start, rows.stop)[:, None] - shape.y - off[0]
        x = np.arange(columns.start, columns.stop)[None] - shape.x - off[1]
        radius = rng.uniform(0.4, 0.8) / mpp
        relative = relative + rng.uniform(0.5, 1.1) * np.exp(-((y**2 + x**2) / radius**2))
    return (rng.uniform(*kind.density) * np.clip(relative, 0.15, None)).astype(np.float32)


def photograph(rng: np.random.Generator, haematoxylin: Floats, eosin: Floats, mpp: float) -> RGB:
    """Photograph two dyes: absorption, uneven light, blur, noise and JPEG, each drawn anew for a field.

    Parameters
    ----------
    rng : numpy.random.Generator
    haematoxylin, eosin : (h, w) float32
        Optical densities.
    mpp : float
        Resolution (um/px).

    Returns
    -------
    (h, w, 3) uint8
        RGB.
    """
    size = haematoxylin.shape
    stains = draw_stains(rng) * rng.uniform(0.85, 1.2, (2, 1))
    density = haematoxylin[..., None] * stains[0] + eosin[..., None] * stains[1]
    white = rng.uniform(0.93, 0.985) * (1 - rng.uniform(0, 0.02, 3))
    across = np.linspace(-1, 1, size[0])[:, None] * rng.normal(0, 0.012)
    along = np.linspace(-1, 1, size[1])[None] * rng.normal(0, 0.012)
    light = (white * 10.0**-density * (1 + across + along)[..., None]).astype(np.float32)
    sigma = float(np.hypot(PSF_UM * rng.uniform(0.8, 1.5) / mpp, 0.35))
    light = cv2.GaussianBlur(light, (0, 0), sigma).reshape(*size, 3) * 255
    # Scanners sharpen what their optics blurred.
    coarse = cv2.GaussianBlur(light, (0, 0), 2 * sigma).reshape(*size, 3)
    light += np.float32(rng.uniform(0.2, 0.8)) * (light - coarse)
    light += rng.normal(0, rng.uniform(1.0, 2.5), (*size, 3)).astype(np.float32)
    pixels = np.clip(np.rint(light), 0, 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(85, 97))]
    _, file = cv2.imencode(".jpg", pixels[..., ::-1], quality)
    return np.ascontiguousarray(np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR))[..., ::-1])


def draw_stains(rng: np.random.Generator) -> Floats:
    """Draw the colours of haematoxylin and eosin for a field: `(2, 3)`, unit optical densities of R, G, B."""
    between = rng.uniform(0.25, 1.0, (2, 1))
    stains = (1 - between) * np.stack([HAEMATOXYLIN, EOSIN]) + between * np.stack([SCANNED_HAEMATOXYLIN, SCANNED_EOSIN])
    stains = np.clip(stains + rng.normal(0, 0.02, (2, 3)), 0.01, None)
    unit: Floats = stains / np.linalg.norm(stains, axis=1, keepdims=True)
    return unit
