#!/usr/bin/env bash
# Teach the default model that ink and pigment are no nuclei, after train.sh. Usage: ink.sh DATASETS [--resume]
# Half of the resulting weights are those of DATASETS/runs/default: with less, dark nuclei are taken for ink as well.
set -euo pipefail
RUN=default-ink bash "$(dirname "$0")/train.sh" "$1" default \
    --set network.init=runs/default --set network.init_share=0.5 --set augmentation.ink_probability=0.15 \
    --set optimiser.lr=0.002 --set optimiser.epochs=4 --set optimiser.steps=300 "${@:2}"
