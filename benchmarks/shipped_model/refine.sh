#!/usr/bin/env bash
# Go on with the default model after train.sh, twice. Usage: refine.sh DATASETS
# DATASETS/runs/default-ink learns that ink and pigment are no nuclei, DATASETS/runs/default-average sees other windows.
# Both keep half of the weights that they start from: with less, dark nuclei are taken for ink as well. The second is the
# model that ships, made at the commits on its card: since then ink is darker and the first run's epoch is chosen after
# its weights are drawn back. A run that was interrupted goes on, one that is done is left as it is.
set -euo pipefail
datasets=$1

go_on() { # RUN FROM INK_PROBABILITY [--set KEY=VALUE ...]
    local run="$datasets/runs/$1" resume=()
    if [ -f "$run/model/model.json" ]; then return; fi
    if [ -d "$run" ]; then resume=(--resume); fi
    RUN=$1 bash "$(dirname "$0")/train.sh" "$datasets" default \
        --set network.init="runs/$2" --set network.init_share=0.5 --set augmentation.ink_probability="$3" \
        --set optimiser.lr=0.002 --set optimiser.epochs=4 --set optimiser.steps=300 "${@:4}" "${resume[@]}"
}
go_on default-ink default 0.15
go_on default-average default-ink 0.05 --set seed=1
