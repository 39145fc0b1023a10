#!/usr/bin/env bash
# Train, test and export a shipped model. Usage: train.sh DATASETS default|fast [--resume or --set KEY=VALUE ...]
# DATASETS is as made by prepare.sh. The model is DATASETS/runs/NAME/model; its scores on MoNuSeg's training images, which
# it never saw, are in DATASETS/runs/NAME/test/monuseg. The variable RUN gives the run another name than the model's.
set -euo pipefail
cp "$(dirname "$0")/$2.yaml" "$1/$2.yaml"
cd "$1"
nuseg train consep tnbc nuinsseg dsb nucls monuseg -o "runs/${RUN:-$2}" --config "$2.yaml" "${@:3}"
