#!/usr/bin/env bash
# Let the default model see less far. Usage: narrow.sh DATASETS
# DATASETS is as made by benchmarks/shipped_model/prepare.sh and unlabelled.sh. The teacher is the default model in eight
# views; its weights, narrowed, are those to start from: two trainings (runs/narrow-0, narrow-1), the mean of their weights
# (narrow-mean), and a third one from there, on worse pictures and unlabelled tissue as well (narrow). A run that is done
# is left as it is.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cp "$here/../shipped_model/default.yaml" "$1/default.yaml"
cd "$1"
labelled=(consep tnbc nuinsseg dsb nucls dsbtest pcns)

learn() { # RUN FROM SEED DATASET ... [--set KEY=VALUE ...]
    if [ -f "runs/$1/model/model.json" ]; then return; fi
    nuseg train "${@:4}" -o "runs/$1" --config default.yaml --set network.init="$2" --set seed="$3" \
        --set teacher.model=default --set teacher.maps=runs/teacher --set optimiser.consistency=10 \
        --set augmentation.ink_probability=0.05
}
for seed in 0 1; do
    learn "narrow-$seed" default "$seed" "${labelled[@]}" monuseg --set network.reach=160 --set export.int8=false \
        --set optimiser.lr=0.003 --set optimiser.epochs=1 --set optimiser.steps=1400 --set data.batch=16 --set \
        "data.weights={consep: 0.31, tnbc: 0.25, nuinsseg: 0.27, dsb: 0.09, nucls: 0.03, dsbtest: 0.04, pcns: 0.01}"
done
[ -d runs/narrow-mean/model ] || python "$here/mean.py" runs/narrow-mean/model runs/narrow-0/model runs/narrow-1/model
learn narrow runs/narrow-mean/model 2 "${labelled[@]}" tcga brca nuinsmore monuseg \
    --set "teacher.unlabelled=[tcga,brca,nuinsmore]" \
    --set "data.weights={consep: 0.28, tnbc: 0.22, nuinsseg: 0.24, dsb: 0.08, nucls: 0.03, dsbtest: 0.04, pcns: 0.01, tcga: 0.05, brca: 0.03, nuinsmore: 0.02}" \
    --set optimiser.lr=0.002 --set optimiser.epochs=4 --set optimiser.steps=450 \
    --set augmentation.gamma=0.8 --set augmentation.noise=0.12 --set augmentation.jpeg_quality=8 \
    --set augmentation.jpeg_probability=0.3
