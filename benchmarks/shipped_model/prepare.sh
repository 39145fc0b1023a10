#!/usr/bin/env bash
# Datasets of the shipped model. Usage: prepare.sh DATA OUT
#   DATA  folder with the sets tnbc, consep-train, nuinsseg-binary, dsb2018-stained, dsb2018-stage1test, nucls-sample,
#         pcns-sample, monuseg-train, each as images/NAME.png and labels/NAME.png
#   OUT   folder to make the datasets in
set -euo pipefail
data=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
python "$here/splits.py" "$data" "$out/splits"

prepare() { # SET NAME ANNOTATION MPP LICENCE SOURCE
    local mpp=(--mpp "$4")
    if [ "$4" = table ]; then mpp=(--mpp-column mpp); fi
    nuseg prepare "$data/$1" -o "$out/$2" --name "$2" --annotation "$3" "${mpp[@]}" --licence "$5" --source "$6" \
        --table "$out/splits/$2.csv" --group-column group --split-column split --overwrite
}
prepare consep-train consep instance 0.25 "Apache-2.0" "CoNSeP, training images (Graham et al., MedIA 2019)"
prepare tnbc tnbc instance 0.25 "CC BY 4.0" "TNBC, patients 01-08 (Naylor et al., TMI 2019)"
# No resolution is published for these files; 0.175 um/px brings the nuclei near the size of the other sets'.
prepare nuinsseg-binary nuinsseg binary 0.175 "CC BY 4.0" "NuInsSeg, masks only (Mahbod et al., Sci Data 2024)"
prepare dsb2018-stained dsb instance 0.25 "CC0" "Data Science Bowl 2018, stained (Caicedo et al., Nat Methods 2019)"
prepare nucls-sample nucls instance 0.25 "CC0" "NuCLS, sample (Amgad et al., GigaScience 2022)"
# The resolution of these differs by image, and is told from the size of nuclei: the table has it.
prepare dsb2018-stage1test dsbtest instance table "CC0" "Data Science Bowl 2018, stained images of the first test"
prepare pcns-sample pcns instance 0.35 "BSD-3-Clause" "PCNS, sample"
# Never trained on, nor used to choose anything: the test.
prepare monuseg-train monuseg instance 0.25 "CC BY-NC-SA 4.0" "MoNuSeg, training images (Kumar et al., TMI 2017)"
