#!/usr/bin/env bash
# Train in the background what env_set.sh names; the log goes to output.log where you stand.
#
#   scripts/run_train.sh
#   scripts/run_train.sh --batch_size=16 ...    arguments go to train_image_classifier.py and win
#
# With CHECKPOINT_PATH only the network's last layers are trained, and all others stay as released;
# without, everything is. The same command goes on where a stopped run ended.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/scripts/env_set.sh"
source "$root/scripts/recipes.sh"

program="$root/train_image_classifier.py"
if wants_help "$@"; then show_help "$program" "$@"; fi

# A checkpoint is several files, or a directory of them.
any_file() { # PATHS...
  local path
  for path in "$@"; do
    [ ! -e "$path" ] || return 0
  done
  return 1
}

train_dir="$(flag_value train_dir "$TRAIN_DIR" "$@")"
checkpoint_path="$(flag_value checkpoint_path "$CHECKPOINT_PATH" "$@")"
read -ra optimizer_flags <<<"$(optimizer_recipe "$@")"
flags=(
  --dataset_name="$DATASET_NAME"
  --dataset_dir="$DATASET_DIR"
  --model_name="$MODEL_NAME"
  --train_dir="$TRAIN_DIR"
  --learning_rate=0.001
  --learning_rate_decay_factor=0.76
  --num_epochs_per_decay=50
  --moving_average_decay=0.9999
  "${optimizer_flags[@]}"
)
if [ -n "$checkpoint_path" ]; then
  # A run that goes on takes its own checkpoint.
  if [ ! -e "$train_dir/checkpoint" ] && ! any_file "$checkpoint_path"*; then
    fail "CHECKPOINT_PATH=$checkpoint_path: no such checkpoint; $root/scripts/download_checkpoint.sh\
 fetches released ones, and an empty CHECKPOINT_PATH trains from nothing"
  fi
  scopes='head'
  # Of its auxiliary head the convolutions fit any classes, and are kept.
  if [ "$(flag_value model_name "$MODEL_NAME" "$@")" = inception_v4 ]; then
    scopes=InceptionV4/Logits,InceptionV4/AuxLogits/Aux_logits
  fi
  flags+=(
    --checkpoint_path="$CHECKPOINT_PATH"
    --checkpoint_exclude_scopes="$scopes"
    --trainable_scopes="$scopes"
    --ignore_missing_vars=True
  )
fi

run_module training.jobs.background start "$train_dir" output.log "$root/scripts/stop_train.sh" \
  nohup "$python" -u "$program" "${flags[@]}" "$@"
take_settings "$@"
say_next run_eval.sh
