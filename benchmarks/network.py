"""What the presets of the network are: parameters, and how far a pixel of the image can change the result.

    python benchmarks/network.py

Needs the packages of `nuseg[train]`.
"""

from typing import get_args

from rich.console import Console
from rich.table import Table

from nuseg.model.config import Architecture, Preset
from nuseg.model.unet import STRIDE, build_unet, count_parameters, receptive_radius


def main() -> None:
    table = Table("preset", title="networks")
    for column in ("parameters", "contracting path", "receptive radius (px)", "stride (px)"):
        table.add_column(column, justify="right")
    for preset in get_args(Preset):
        network = build_unet(Architecture(preset=preset))
        encoder = count_parameters(network.encoder)
        radius = receptive_radius(network)
        table.add_row(preset, f"{count_parameters(network):,}", f"{encoder:,}", str(radius), str(STRIDE))
    Console().print(table)


if __name__ == "__main__":
    main()
