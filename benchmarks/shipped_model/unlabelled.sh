#!/usr/bin/env bash
# Datasets of tissue that nobody annotated, for learning from a teacher. Usage: unlabelled.sh DATA OUT
#   DATA  folder with the sets tcga-unlabelled, brca-m2c, nuinsseg-more, each with images/
#   OUT   folder of the datasets made by prepare.sh
# Their nuclei are those that the default model finds in eight views.
set -euo pipefail
data=$1 out=$2

prepare() { # SET NAME MPP LICENCE SOURCE
    local found="$out/found/$2"
    nuseg segment "$data/$1/images" -o "$found" --quality best --mpp "$3" --output labels
    ln -sfn "$(realpath "$data/$1/images")" "$found/images"
    nuseg prepare "$found" -o "$out/$2" --name "$2" --annotation instance --mpp "$3" --licence "$4" --source "$5" \
        --split 1,0,0 --overwrite
}
prepare tcga-unlabelled tcga 0.25 "BSD-3-Clause" "TCGA tiles of many tissues, nuclei found by nuseg"
prepare brca-m2c brca 0.5 "BSD-3-Clause" "BRCA-M2C, images alone (Abousamra et al., ICCV 2021), nuclei found by nuseg"
prepare nuinsseg-more nuinsmore 0.175 "CC BY 4.0" "NuInsSeg, images alone (Mahbod et al., Sci Data 2024), nuclei found by nuseg"
