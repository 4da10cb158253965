#!/usr/bin/env bash
# Convert the pictures that env_set.sh names to TFRecord files.
#
#   scripts/convert_tfrecord.sh                                one folder for each class in
#                                                              $DATASET_DIR/$DATASET_NAME
#   scripts/convert_tfrecord.sh --validation_percentage=20     arguments are passed to
#                                                              download_and_convert_data.py and
#                                                              override the settings
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_command convert_tfrecord "$@"
