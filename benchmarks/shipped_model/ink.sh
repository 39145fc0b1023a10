#!/usr/bin/env bash
# Teach the default model that ink and pigment are no nuclei, after train.sh. Usage: ink.sh DATASETS [--resume]
# Half of the resulting weights are those of DATASETS/runs/default: with less, dark nuclei are taken for ink as well.
set -euo pipefail
cp "$(dirname "$0")/default.yaml" "$1/default.yaml"
cd "$1"
nuseg train consep tnbc nuinsseg dsb nucls monuseg -o runs/default-ink --config default.yaml \
    --set network.init=runs/default --set network.init_share=0.5 --set augmentation.ink_probability=0.15 \
    --set optimiser.lr=0.002 --set optimiser.epochs=4 --set optimiser.steps=300 "${@:2}"
