#!/usr/bin/env bash
# Evaluate each new checkpoint of the training that env_set.sh names, until Ctrl-C.
#
#   scripts/run_eval.sh
#   scripts/run_eval.sh --run_once                     the newest checkpoint, and end
#   scripts/run_eval.sh --batch_size=8 ...             arguments go to eval_image_classifier.py and win
#
# On a machine with one GPU that is busy with the training: CUDA_VISIBLE_DEVICES='' scripts/run_eval.sh
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/scripts/env_set.sh"

exec "$python" -u "$root/eval_image_classifier.py" \
  --dataset_name="$DATASET_NAME" --dataset_dir="$DATASET_DIR" --dataset_split_name=validation \
  --model_name="$MODEL_NAME" --checkpoint_path="$TRAIN_DIR" --eval_dir="$EVAL_DIR" \
  --eval_interval_secs=60 --batch_size=32 "$@"
