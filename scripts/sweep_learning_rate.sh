#!/usr/bin/env bash
# Train the same number of steps at each of several learning rates, and compare.
#
#   scripts/sweep_learning_rate.sh                     what env_set.sh names, from 1 down to 0.0001
#   scripts/sweep_learning_rate.sh --learning_rates=0.05,0.02,0.01 --max_number_of_steps=200
#   scripts/sweep_learning_rate.sh --dataset_dir=DIR --model_name=lenet --train_dir=sweep ...
#
# --learning_rates      with commas (1.0,0.1,0.01,0.001,0.0001)
# --train_dir           gets a directory lr_RATE for each (learning_rates where you stand)
# --max_number_of_steps the steps of each (100)
#
# All else goes to train_image_classifier.py; with --dataset_dir or --data_dir nothing is taken from
# env_set.sh. Add --validate_every_n_epochs=1 to compare accuracies, too. A rate at which the loss is
# no number any more is a row of the table. The same command goes on where a stopped sweep ended, and
# other rates add to it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/scripts/env_set.sh"
source "$root/scripts/recipes.sh"

if wants_help "$@"; then show_help "$root/train_image_classifier.py" "$@"; fi

if [ -z "$(flag_value dataset_dir "$(flag_value data_dir '' "$@")" "$@")" ]; then
  flags=(--dataset_name="$DATASET_NAME" --dataset_dir="$DATASET_DIR" --model_name="$MODEL_NAME")
  read -ra optimizer_flags <<<"$(optimizer_recipe "$@")"
  flags+=("${optimizer_flags[@]}")
  [ -z "$CHECKPOINT_PATH" ] || flags+=(--checkpoint_path="$CHECKPOINT_PATH"
    --checkpoint_exclude_scopes=head --trainable_scopes=head --ignore_missing_vars=True)
  set -- "${flags[@]}" "$@"
fi
run_module scripts.sweep_learning_rate "$@"
# The directories of the sweep are its own.
take_settings "$@" --train_dir="$TRAIN_DIR"
say_next run_train.sh --learning_rate=RATE
