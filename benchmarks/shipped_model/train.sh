#!/usr/bin/env bash
# Train, test and export the shipped model, in two stages. Usage: train.sh DATASETS   (as made by prepare.sh)
# The model is DATASETS/runs/default/model; the scores on MoNuSeg's training images, which it never saw, are in
# DATASETS/runs/default/test/monuseg.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"
sets="consep tnbc nuinsseg dsb nucls monuseg"
nuseg train $sets -o runs/first --config "$here/first.yaml"
nuseg train $sets -o runs/default --config "$here/broaden.yaml" --set network.init=runs/first
