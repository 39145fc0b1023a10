#!/usr/bin/env bash
# Make the light model: a smaller one that learned from the default model. Usage: light.sh DATASETS
# DATASETS is as made by prepare.sh and unlabelled.sh; DATASETS/runs/narrow-1 is the default model with half of its view,
# of ../accuracy/narrow.sh. Its last stages lose half of their channels and more (slim.py), and it learns twice more, then
# on unlabelled tissue, too. DATASETS/runs/light/model is the model that ships, by `nuseg export ... --name light`. A run
# that was interrupted goes on, one that is done is left as it is.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cp "$here/default.yaml" "$1/default.yaml"
cd "$1"
labelled=(consep tnbc nuinsseg dsb nucls dsbtest pcns)

learn() { # RUN FROM SEED EPOCHS STEPS DATASET ... [--set KEY=VALUE ...]
    local resume=()
    if [ -f "runs/$1/model/model.json" ]; then return; fi
    if [ -d "runs/$1" ]; then resume=(--resume); fi
    nuseg train "${@:6}" -o "runs/$1" --config default.yaml --set network.init="$2" --set seed="$3" \
        --set optimiser.epochs="$4" --set optimiser.steps="$5" --set optimiser.lr=0.003 --set optimiser.consistency=10 \
        --set teacher.model=default --set teacher.maps=runs/teacher --set augmentation.ink_probability=0.05 "${resume[@]}"
}
[ -d runs/light-start ] || python "$here/slim.py" runs/light-start runs/narrow-1 64 32 16
learn light-first runs/light-start 3 4 700 "${labelled[@]}" monuseg --set \
    "data.weights={consep: 0.31, tnbc: 0.25, nuinsseg: 0.27, dsb: 0.09, nucls: 0.03, dsbtest: 0.04, pcns: 0.01}"
learn light runs/light-first/model 4 3 800 "${labelled[@]}" tcga nuinsmore monuseg --set \
    "teacher.unlabelled=[tcga,nuinsmore]" --set "data.weights={consep: 0.27, tnbc: 0.22, nuinsseg: 0.23, dsb: 0.07,
    nucls: 0.03, dsbtest: 0.04, pcns: 0.01, tcga: 0.1, nuinsmore: 0.03}"
