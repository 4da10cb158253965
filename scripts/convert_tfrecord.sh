#!/usr/bin/env bash
# Convert the pictures that env_set.sh names to TFRecord files.
#
#   scripts/convert_tfrecord.sh                                one folder a class in
#                                                              $DATASET_DIR/$DATASET_NAME
#   scripts/convert_tfrecord.sh --validation_percentage=20     arguments go to
#                                                              download_and_convert_data.py and win
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/scripts/env_set.sh"

program="$root/download_and_convert_data.py"
if wants_help "$@"; then show_help "$program" "$@"; fi
"$python" -u "$program" --dataset_name="$DATASET_NAME" --dataset_dir="$DATASET_DIR" "$@"
take_settings "$@"
DATASET_DIR="$(flag_value output_directory "$DATASET_DIR" "$@")"
say_next run_train.sh
