#!/usr/bin/env bash
# Train, test and export the shipped model. Usage: train.sh DATASETS [--resume]   (DATASETS as made by prepare.sh)
# The model is DATASETS/runs/default/model; its scores on MoNuSeg's training images, which it never saw, are in
# DATASETS/runs/default/test/monuseg.
set -euo pipefail
cp "$(dirname "$0")/config.yaml" "$1/shipped_model.yaml"
cd "$1"
nuseg train consep tnbc nuinsseg dsb nucls monuseg -o runs/default --config shipped_model.yaml "${@:2}"
