#!/usr/bin/env bash
# Train the shipped model with cell types. Usage: cell-types.sh DATA DATASETS [--resume or --set KEY=VALUE ...]
# DATA has consep-train and brca-m2c; DATASETS is as made by prepare.sh, and gets typed/ if it is not there. The model is
# DATASETS/runs/cell-types/model. Its nuclei are scored on MoNuSeg's training images, as those of the other models are.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ -d "$2/typed/brca" ] || python "$here/classes.py" "$1" "$2/typed"
cp "$here/cell-types.yaml" "$2/cell-types.yaml"
cd "$2"
nuseg train typed/consep typed/brca tnbc nuinsseg dsb nucls monuseg -o "runs/${RUN:-cell-types}" --config cell-types.yaml "${@:3}"
