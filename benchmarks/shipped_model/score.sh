#!/usr/bin/env bash
# Score a model on MoNuSeg's training images. Usage: score.sh DATASETS OUT [MODEL]   (DATASETS as made by prepare.sh)
set -euo pipefail
nuseg evaluate "$1/monuseg" --split test --model "${3:-default}" -o "$2"
