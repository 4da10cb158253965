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

program="$root/eval_image_classifier.py"
if wants_help "$@"; then show_help "$program" "$@"; fi

stage="$TRAIN_DIR" eval_dir="$EVAL_DIR" next=(export_freeze.sh)
typed="$(flag_value checkpoint_path '' "$@")"
if [ -n "$typed" ]; then
  next+=(--checkpoint_path="$typed")
else
  stage="$(chosen_stage --running)"
  # Each stage has results of its own, unless EVAL_DIR says otherwise.
  [ "$EVAL_DIR" != "$TRAIN_DIR/eval" ] || eval_dir="$stage/eval"
fi
flags=(
  --dataset_name="$DATASET_NAME" --dataset_dir="$DATASET_DIR" --dataset_split_name=validation
  --model_name="$MODEL_NAME" --checkpoint_path="$stage" --eval_dir="$eval_dir"
  --batch_size=32
)
if is_on run_once "$@"; then
  "$python" -u "$program" "${flags[@]}" "$@"
  say_next "${next[@]}"
  exit
fi
echo 'Ctrl-C ends the evaluation'
say_next "${next[@]}"
exec "$python" -u "$program" "${flags[@]}" --eval_interval_secs=60 "$@"
