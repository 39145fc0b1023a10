#!/usr/bin/env bash
# Train the shipped model with cell types. Usage: cell-types.sh DATA OUT [--resume or --set KEY=VALUE ...]
# DATA has consep-train and brca-m2c. The datasets, and the model OUT/runs/cell-types/model, are made in OUT; datasets that are
# there already stay.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ -d "$2/brca" ] || python "$here/classes.py" "$1" "$2"
cp "$here/cell-types.yaml" "$2/cell-types.yaml"
cd "$2"
nuseg train consep brca -o "runs/${RUN:-cell-types}" --config cell-types.yaml "${@:3}"
