#!/usr/bin/env bash
# Say what is on pictures: files, folders, patterns.
#
#   scripts/classify.sh tulip.jpg FOLDER               with the frozen graph of export_freeze.sh, or
#                                                      the newest checkpoint where there is none
#                                                      (after finetune.sh: of the better stage)
#   scripts/classify.sh --format=csv FOLDER > out.csv  arguments go to classify_image.py and win
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/scripts/env_set.sh"

program="$root/classify_image.py"
if wants_help "$@"; then show_help "$program" "$@"; fi

model="$(frozen_graph)"
if [ ! -e "$model" ] && [ -z "$(flag_value model '' "$@")" ]; then
  # shellcheck disable=SC2119
  model="$(chosen_stage)"
fi
exec "$python" -u "$program" --model="$model" "$@"
