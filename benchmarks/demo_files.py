"""The images that `nuseg demo` shows, made of their sources.

    python benchmarks/demo_files.py DATA

DATA holds `tnbc/images/08_1.png`, `tnbc/labels/08_1.png` and `slides/CMU-1-Small-Region.svs`. Writes to
`src/nuseg/viewer/samples`; its ATTRIBUTION.txt says where they come from.
"""

import shutil
import sys
from pathlib import Path

import cv2
import tifffile

from nuseg.io.opening import open_source

SAMPLES = Path(__file__).resolve().parent.parent / "src" / "nuseg" / "viewer" / "samples"
CROP = 10, 80, 2200, 2800  # x, y, width, height (px of level 0)
DOWNSAMPLES = 1, 4
QUALITY = 80  # of JPEG
UM_PER_CM = 1e4


def save_slide(slide: Path, path: Path) -> None:
    """Write a crop of a slide as a tiled pyramidal TIFF with its resolution."""
    with open_source(slide) as source:
        pixels, mpp = source.read(0, *CROP), source.mpp
    assert mpp is not None
    with tifffile.TiffWriter(path) as tiff:
        for factor in DOWNSAMPLES:
            size = pixels.shape[1] // factor, pixels.shape[0] // factor
            tiff.write(
                cv2.resize(pixels, size, interpolation=cv2.INTER_AREA),
                tile=(256, 256),
                photometric="rgb",
                subsampling=(2, 2),
                compression="jpeg",
                compressionargs={"level": QUALITY},
                subfiletype=int(factor > 1),
                resolution=(UM_PER_CM / mpp / factor,) * 2,
                resolutionunit="CENTIMETER",
                metadata=None,
                software=False,
            )


if __name__ == "__main__":
    data = Path(sys.argv[1])
    SAMPLES.mkdir(exist_ok=True)
    shutil.copyfile(data / "tnbc" / "images" / "08_1.png", SAMPLES / "tnbc.png")
    shutil.copyfile(data / "tnbc" / "labels" / "08_1.png", SAMPLES / "tnbc-labels.png")
    save_slide(data / "slides" / "CMU-1-Small-Region.svs", SAMPLES / "cmu-1.tif")
    for path in sorted(SAMPLES.iterdir()):
        path.chmod(0o644)
        print(path.name, path.stat().st_size)
