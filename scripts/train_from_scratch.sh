#!/usr/bin/env bash
# Train a network on a data set from random weights, and evaluate it.
#
#   scripts/train_from_scratch.sh cifarnet cifar10
#   scripts/train_from_scratch.sh mobilenet_v1_025 sample_flowers --num_epochs=10
#
# Downloads (or takes from DATASET_DIR) and converts the pictures, and trains into TRAIN_DIR;
# directories are those of env_set.sh, rates and lengths are in recipes.sh. Further arguments go to
# the training and win. The same command goes on where a stopped one ended.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/scripts/recipes.sh"
source "$root/scripts/train_steps.sh"

choose_run train_from_scratch.sh "$@"
shift 2
check_model

flags=()
while read -ra row; do
  flags+=("${row[@]}")
done < <(scratch_recipe "$model" "$dataset")

convert
title "training $model from random weights -> $TRAIN_DIR"
train "$TRAIN_DIR" "${flags[@]}" "$@"
evaluate "$TRAIN_DIR"
say_next export_freeze.sh
