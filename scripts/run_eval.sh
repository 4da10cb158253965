#!/usr/bin/env bash
# Evaluate each new checkpoint of the training that env_set.sh names, until Ctrl-C.
#
#   scripts/run_eval.sh
#   scripts/run_eval.sh --run_once                     the newest checkpoint only
#   scripts/run_eval.sh --batch_size=8 ...             arguments are passed to
#                                                      eval_image_classifier.py and override the
#                                                      settings
#
# While a training uses the machine's only GPU: CUDA_VISIBLE_DEVICES='' scripts/run_eval.sh
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_command run_eval "$@"
