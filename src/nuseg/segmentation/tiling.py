"""The network over an image of any size: windows whose cores cover every pixel once, and agree with one big window."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nuseg.engines.engine import Engine
from nuseg.model.config import ModelConfig
from nuseg.types import RGB, Floats

DEFAULT_TILE = 2048  # px; a window of some 2560 px for the shipped models, which takes some 1.5 GB; larger is faster


@dataclass(frozen=True)
class Tile:
    """A window of an image: the core it answers for, and the margin around it that it only reads."""

    core: tuple[slice, slice]
    window: tuple[slice, slice]

    @property
    def inside(self) -> tuple[slice, slice]:
        """The core in the window's own coordinates."""
        return tuple(  # type: ignore[return-value]
            slice(core.start - window.start, core.stop - window.start)
            for core, window in zip(self.core, self.window, strict=True)
        )


def plan_tiles(height: int, width: int, tile: int, margin: int, stride: int) -> Iterator[Tile]:
    """Cover an image with tiles.

    Why tiled equals untiled: a pixel's maps depend on the image only within `margin` (the receptive field's
    radius) and on the pixel's place on the network's grid of `stride` pixels. Every window starts on that grid and
    reaches `margin` beyond its core, or to the image's own edge, where the network pads as it does untiled.

    Parameters
    ----------
    height, width
        Of the image (px).
    tile
        Side of the cores (px), rounded up to a multiple of `stride`.
    margin, stride
        Of the model (px).
    """
    step = -(-tile // stride) * stride
    margin = -(-margin // stride) * stride

    def spans(length: int) -> Iterator[tuple[slice, slice]]:
        for start in range(0, length, step):
            stop = min(start + step, length)
            yield slice(start, stop), slice(max(start - margin, 0), min(stop + margin, length))

    for core_y, window_y in spans(height):
        for core_x, window_x in spans(width):
            yield Tile((core_y, core_x), (window_y, window_x))


def predict_maps(engine: Engine, pixels: RGB, model: ModelConfig, tile: int = DEFAULT_TILE) -> Floats:
    """Run the network over an image in memory, tile by tile.

    Parameters
    ----------
    engine
        Runs the network.
    pixels
        Image `(height, width, 3)` uint8 at the model's resolution.
    model
        Says margin, stride and maps.
    tile
        Side of the cores (px): memory against overlap. Does not change the result.

    Returns
    -------
    np.ndarray
        Maps `(k, height, width)` float32 in 0..1.
    """
    height, width = pixels.shape[:2]
    maps = np.empty((len(model.maps), height, width), np.float32)
    for part in plan_tiles(height, width, tile, model.margin, model.stride):
        window = np.ascontiguousarray(pixels[part.window])
        maps[:, *part.core] = engine(window[None])[0][:, *part.inside]
    return maps
