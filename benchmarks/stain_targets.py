"""The looks that stain normalisation aims at, fitted on an image with a free licence.

    python benchmarks/stain_targets.py IMAGE

Writes src/nuseg/preprocess/stain/targets.json. The one in the package is of a field of breast cancer with usual stain,
image train_3 of a sample of NuCLS (Amgad et al., GigaScience 2022; CC0), which the shipped models learned from.
"""

import argparse
import json
from pathlib import Path

from nuseg.preprocess.stain.normaliser import fit_stain

FILE = Path(__file__).resolve().parent.parent / "src" / "nuseg" / "preprocess" / "stain" / "targets.json"
METHODS = ("macenko", "vahadane", "reinhard")
DIGITS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", type=Path)
    arguments = parser.parse_args()
    fits = [fit_stain(arguments.image, method).model_dump_json() for method in METHODS]
    rounded = [json.loads(fit, parse_float=lambda text: round(float(text), DIGITS)) for fit in fits]
    FILE.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
    print(FILE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
