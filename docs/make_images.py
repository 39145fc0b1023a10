"""Make a small dataset of generated images: `mydata`, eight patients with three images each."""

from pathlib import Path

import numpy as np

from nuseg.datasets.synthetic import synthetic_field
from nuseg.io.image import write_png

folder = Path("mydata")
for patient in range(8):
    for field in range(3):
        seed = 10 * patient + field
        pixels, labels = synthetic_field(512, 512, seed, mpp=0.25, nuclei_per_mm2=4000)
        write_png(folder / "images" / f"patient{patient}_{field}.png", pixels)
        write_png(folder / "labels" / f"patient{patient}_{field}.png", labels.astype(np.uint16))
