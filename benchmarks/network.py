"""What the presets of our own U-Net are: parameters, and how far a pixel of the image can change the result.

    python benchmarks/network.py

Needs the packages of `nuseg[train]`.
"""

from rich.console import Console
from rich.table import Table

from nuseg.model.config import Architecture
from nuseg.model.network import build_network, count_parameters

PRESETS = ("unet", "unet-small", "unet-lite")


def main() -> None:
    table = Table("preset", title="networks")
    for column in ("parameters", "contracting path", "receptive radius (px)", "stride (px)"):
        table.add_column(column, justify="right")
    for preset in PRESETS:
        network = build_network(Architecture(preset=preset))
        encoder = count_parameters(network.encoder)
        table.add_row(
            preset, f"{count_parameters(network):,}", f"{encoder:,}", str(network.margin), str(network.stride)
        )
    Console().print(table)


if __name__ == "__main__":
    main()
