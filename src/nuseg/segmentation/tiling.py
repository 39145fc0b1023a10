"""The network over an image of any size: windows whose cores cover every pixel once, and agree with one big window."""

from collections.abc import Iterator
from dataclasses import dataclass


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
