"""How long telling nuclei apart, outlining and measuring them takes: CPU seconds per megapixel on one thread.

    python benchmarks/separation.py

Fields of 1000x1000 px, from sparse to denser than any tissue; the maps are those of a perfect network with noise.
"""

import time

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from nuseg.datasets.synthetic import synthetic_field
from nuseg.engines.maps import quantise
from nuseg.io.opening import open_source
from nuseg.model.config import Architecture, ModelConfig
from nuseg.segmentation.pipeline import nuclei_of_maps
from nuseg.training.targets import perfect_maps

SIDE, REPEATS = 1000, 7
MODEL = ModelConfig(name="benchmark", architecture=Architecture(), mpp=0.25, margin=0)


def noisy_maps(labels: np.ndarray) -> np.ndarray:
    """Maps as a network would give them: smooth, and never quite right."""
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.normal(0, 1, (*labels.shape, 2)).astype(np.float32), (0, 0), 2)
    maps = cv2.GaussianBlur(perfect_maps(labels).transpose(1, 2, 0), (0, 0), 1) + 0.5 * noise
    return np.ascontiguousarray(np.clip(maps, 0, 1).transpose(2, 0, 1))


def main() -> None:
    cv2.setNumThreads(1)
    table = Table(
        "nuclei annotated", "nuclei found", "covered", "s/MP", title="separation, outlines and measures, one thread"
    )
    for per_mm2 in (1000, 4000, 8000, 14000):
        pixels, labels = synthetic_field(SIDE, SIDE, seed=1, nuclei_per_mm2=per_mm2)
        maps, source = quantise(noisy_maps(labels)), open_source(pixels)
        seconds = []
        for _ in range(REPEATS):
            start = time.process_time()
            found = nuclei_of_maps(source, MODEL, maps, MODEL.mpp)
            seconds.append(time.process_time() - start)
        best = min(seconds) * 1e6 / SIDE**2
        table.add_row(
            str(labels.max()), str(len(found)), f"{found.table['area_px'].sum() / SIDE**2:.0%}", f"{best:.3f}"
        )
    Console().print(table)


if __name__ == "__main__":
    main()
