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

exec "$python" -u "$root/download_and_convert_data.py" \
  --dataset_name="$DATASET_NAME" --dataset_dir="$DATASET_DIR" "$@"
