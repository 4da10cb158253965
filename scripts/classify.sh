#!/usr/bin/env bash
# Classify pictures: files, folders or patterns.
#
#   scripts/classify.sh tulip.jpg FOLDER               with the frozen graph of export_freeze.sh, or
#                                                      the newest checkpoint if there is none
#                                                      (after finetune.sh: of the better stage)
#   scripts/classify.sh --format=csv FOLDER > out.csv  arguments are passed to classify_image.py and
#                                                      override the settings
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_command classify "$@"
