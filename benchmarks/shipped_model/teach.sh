#!/usr/bin/env bash
# Go on with the models of train.sh and refine.sh: they learn what the default one sees in eight views, also in tissue
# that nobody annotated, and see less far. Usage: teach.sh DATASETS [BEFORE]
#   DATASETS  as made by prepare.sh and unlabelled.sh
#   BEFORE    the default model to go on with, and to learn from: default DATASETS/runs/default-average
# DATASETS/runs/default-taught/model and DATASETS/runs/fast-taught/model are the models that ship.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"
before=${2:-runs/default-average}
unlabelled=(tcga brca nuinsmore)
weights='{consep: 0.26, tnbc: 0.22, nuinsseg: 0.18, dsb: 0.07, nucls: 0.03, tcga: 0.08, brca: 0.10, nuinsmore: 0.06}'

teach() { # NAME START REACH EPOCHS
    local run="runs/$1-taught" resume=()
    if [ -f "$run/model/model.json" ]; then return; fi
    if [ -d "$run" ]; then resume=(--resume); fi
    nuseg train consep tnbc nuinsseg dsb nucls "${unlabelled[@]}" monuseg -o "$run" --config "$here/$1.yaml" \
        --set network.init="$2" --set network.reach="$3" --set teacher.model="$before" --set teacher.maps=runs/teacher \
        --set "teacher.unlabelled=[$(IFS=,; echo "${unlabelled[*]}")]" --set "data.weights=$weights" \
        --set augmentation.ink_probability=0.05 --set optimiser.lr=0.003 --set optimiser.steps=300 \
        --set optimiser.epochs="$4" "${resume[@]}"
}
teach default "$before" 112 5
teach fast "${3:-runs/fast}" 96 5
