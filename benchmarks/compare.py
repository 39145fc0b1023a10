"""Whether another version of nuseg is slower or faster: whole commands, by turns, as ratios.

    python benchmarks/compare.py BEFORE [FOLDER OF IMAGES] [--side 10240] [--runs 3] [--models default fast]

BEFORE is a checkout of the other version (its `src` comes first on the path). Segments the images at 0.25 and at 0.5
um/px, and a slide of `side` px made of them, with the default outputs, once to warm up and then by turns; prints the
best seconds of either per megapixel or mm2, and their ratio.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
from rich.console import Console
from rich.table import Table

from made_slides import DATA, MPP, make_slide
from nuseg.io.find import find_images
from nuseg.io.image import write_png
from nuseg.io.opening import read_image

ROOT = Path(__file__).resolve().parent.parent


def seconds_of(source: Path, inputs: list[str], model: str) -> float:
    """Run `nuseg segment` of a checkout."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "nuseg", "segment", *inputs, "-o", out, "--model", model]
        begun = time.perf_counter()
        environment = {**os.environ, "PYTHONPATH": str(source / "src")}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("folder", nargs="?", type=Path, default=DATA / "monuseg-train" / "images")
    parser.add_argument("--side", type=int, default=10240)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=["default", "fast"])
    arguments = parser.parse_args()
    paths = find_images([arguments.folder])
    patches = [read_image(path).pixels for path in paths]
    table = Table("model", "what", "before", "now", "ratio", title="whole commands, best of either")
    with tempfile.TemporaryDirectory() as folder:
        coarse = Path(folder) / "coarse"
        for path, patch in zip(paths, patches, strict=True):
            write_png(coarse / path.name, cv2.resize(patch, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
        slide = Path(folder) / "slide.tif"
        make_slide(slide, patches, arguments.side, (1, 4, 16))
        megapixels = sum(patch[..., 0].size for patch in patches) / 1e6
        cases = {
            "s/megapixel, images at 0.25 um/px": ([*map(str, paths), "--mpp", "0.25"], megapixels),
            "s/megapixel, images at 0.5 um/px": ([str(coarse), "--mpp", "0.5"], megapixels / 4),
            "s/mm2, slide": ([str(slide)], arguments.side**2 * MPP**2 / 1e6),
        }
        for model in arguments.models:
            for what, (inputs, amount) in cases.items():
                times: dict[Path, list[float]] = {arguments.before: [], ROOT: []}
                for _ in range(arguments.runs + 1):
                    for source, seconds in times.items():
                        seconds.append(seconds_of(source, inputs, model))
                before, now = (min(seconds[1:]) / amount for seconds in times.values())
                table.add_row(model, what, f"{before:.3f}", f"{now:.3f}", f"{now / before:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
