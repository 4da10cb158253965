#!/usr/bin/env bash
# Say what is on pictures: files, folders, patterns.
#
#   scripts/classify.sh tulip.jpg FOLDER               with the frozen graph of export_freeze.sh, or
#                                                      the newest checkpoint where there is none
#   scripts/classify.sh --format=csv FOLDER > out.csv  arguments go to classify_image.py and win
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/scripts/env_set.sh"

model="$(frozen_graph)"
[ -e "$model" ] || model="$TRAIN_DIR"
exec "$python" -u "$root/classify_image.py" --model="$model" "$@"
