"""Pictures of a slide: how densely its nuclei lie, as a map and laid over the slide."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nuseg.measure.density import density_map
from nuseg.types import RGB, Integers, Mask

SIGMA_UM = 50.0  # of the smoothing: some ten nuclei across, so that tissue is seen and not single nuclei
TOP_PERCENTILE = 99  # of the tissue has a colour of its own: single peaks do not darken the rest
OPACITY = 0.75  # of the highest density; the tissue shows through the rest
ROWS_AT_ONCE = 256
OUTLINE = (0, 90, 255)
# Dark to bright, even in lightness and told apart by colour-blind eyes.
COLOURS = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_VIRIDIS)[:, 0, ::-1]

FONT = 16  # px
GAP = 10
BAR = (256, 14)  # px, of the colour scale
MIN_WIDTH = 520  # px that the legend needs
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


@dataclass(frozen=True, eq=False)
class Overview:
    """A source made small, with what was found.

    Attributes
    ----------
    thumbnail : (h, w, 3) uint8
        RGB.
    counted : (h', w') bool
        Where nuclei counted, over the whole source, at any size; brought to the thumbnail's here.
    counts : (h, w) integer
        Nuclei in each pixel of the thumbnail.
    cell_um : float
        Side of a pixel of the thumbnail (um).
    density_mm2 : float
        Area that the number of nuclei is divided by: tissue, region or image (mm2).
    """

    thumbnail: RGB
    counted: Mask
    counts: Integers
    cell_um: float
    density_mm2: float

    def __post_init__(self) -> None:
        height, width = self.thumbnail.shape[:2]
        if self.counted.shape != (height, width):
            resized = cv2.resize(self.counted.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
            object.__setattr__(self, "counted", resized)

    @cached_property
    def graded(self) -> tuple[RGB, float]:
        """The density of nuclei in grades: `(h, w)` uint8, and the density per mm2, a round number, that has 255."""
        density = density_map(self.counts, self.cell_um, SIGMA_UM)
        inside = density[self.counted]
        top = round_up(float(np.percentile(inside, TOP_PERCENTILE))) if inside.size else round_up(0)
        return np.minimum(density * (255 / top), 255).astype(np.uint8), top


def draw_density(overview: Overview) -> RGB:
    """Draw the map of nuclei per mm2 with its colour scale and a scale bar, `(h', w', 3)` uint8; glass is white."""
    levels, top = overview.graded
    page = np.where(overview.counted[..., None], COLOURS[levels], np.uint8(255))
    return with_legend(page, overview, top)


def draw_overview(overview: Overview) -> RGB:
    """Draw the source made small, its tissue outlined and its densest places coloured, `(h', w', 3)` uint8."""
    levels, top = overview.graded
    page = np.empty_like(overview.thumbnail)
    for start in range(0, len(page), ROWS_AT_ONCE):  # the overview of a large slide takes ten times its bytes in float
        rows = slice(start, start + ROWS_AT_ONCE)
        share = (overview.counted[rows] * levels[rows] * np.float32(OPACITY / 255))[..., None]
        page[rows] = (overview.thumbnail[rows] * (1 - share) + COLOURS[levels[rows]] * share).round()
    rings, _ = cv2.findContours(overview.counted.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(page, rings, -1, OUTLINE, 2)
    return with_legend(page, overview, top)


def round_up(value: float) -> float:
    """The next round number from `value` on, 10 at least: for the end of a scale."""
    power = 10.0 ** max(1, len(str(int(value))) - 1)
    return next(share * power for share in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if share * power >= value)


def round_down(value: float) -> float:
    """The last of 1, 2, 5, 10, 20, 50 ... up to `value`, which is 1 at least: for the length of a bar."""
    power = 10.0 ** (len(str(int(value))) - 1)
    return next(share * power for share in (5, 2, 1) if share * power <= value)


def with_legend(page: RGB, overview: Overview, top: float) -> RGB:
    """Put count, scale bar and colour scale below a picture `(h, w, 3)`; a narrow one is centred on white."""
    height, width = page.shape[:2]
    full = max(width, MIN_WIDTH)
    canvas = Image.new("RGB", (full, height + 2 * FONT + BAR[1] + 4 * GAP), WHITE)
    canvas.paste(Image.fromarray(page), ((full - width) // 2, 0))
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(FONT)  # it has no characters beyond ASCII: mm2, um
    nuclei = int(overview.counts.sum())
    per_mm2 = f", {nuclei / overview.density_mm2:,.0f} per mm2" if overview.density_mm2 else ""
    draw.text((GAP, height + GAP), f"{nuclei:,} nuclei{per_mm2}", BLACK, font)

    line = height + FONT + 2 * GAP
    below = line + BAR[1] + 2
    um = overview.cell_um
    length = round_down(max(um * min(width / 3, MIN_WIDTH - BAR[0] - 4 * GAP), 1))
    draw.rectangle((GAP, line + 4, GAP + round(length / um), line + 9), BLACK)
    draw.text((GAP, below), f"{length / 1000:g} mm" if length >= 1000 else f"{length:g} um", BLACK, font)

    right = full - GAP
    left = right - BAR[0]
    canvas.paste(Image.fromarray(np.tile(COLOURS[None], (BAR[1], 1, 1))), (left, line))
    draw.text((left, below), "0", BLACK, font)
    draw.text(((left + right) / 2, below), "nuclei per mm2", BLACK, font, anchor="ma")
    draw.text((right, below), f"{top:,.0f}+", BLACK, font, anchor="ra")
    return np.asarray(canvas)
