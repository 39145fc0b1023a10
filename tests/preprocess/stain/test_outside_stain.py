"""A method that an installed package adds is there for the library and the command line."""

from pathlib import Path

import numpy as np

from nuseg.io.image import write_png
from nuseg.io.opening import read_image
from outside_package import install, run_python
from stained import OTHER, field

TOY = Path(__file__).resolve().parents[2] / "toys" / "toy_stain.py"
SCRIPT = """
import sys
from nuseg.cli import main
image, reference, out = sys.argv[1:]
sys.argv = ["nuseg", "stain", image, "-o", out, "--method", "strength", "--reference", reference]
main()
"""


def test_a_method_of_another_package(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    install(site, TOY, {"nuseg.stain_methods": "METHOD"})
    pixels = field(80, 90, OTHER)
    write_png(tmp_path / "a.png", pixels)
    write_png(tmp_path / "pale.png", np.uint8(255 * (pixels / 255) ** 0.5))
    run_python(site, SCRIPT, tmp_path / "pale.png", tmp_path / "a.png", tmp_path / "out")
    normalised = read_image(tmp_path / "out" / "normalised" / "pale.tif").pixels
    assert np.abs(normalised.astype(int) - pixels).max() < 12
