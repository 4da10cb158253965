#!/usr/bin/env bash
# Fine-tune a released network on a data set: first a new head alone, then everything.
#
#   scripts/finetune.sh inception_v3 flowers
#   scripts/finetune.sh resnet_v1_50 my_flower_5 --batch_size=16
#
# Fetches the weights, downloads (or takes from DATASET_DIR) and converts the pictures, trains the
# head into TRAIN_DIR and all layers into TRAIN_DIR/all, and evaluates after each. run_eval.sh,
# export_freeze.sh and classify.sh then use the stage with the better accuracy. Directories are those of env_set.sh; an explicit CHECKPOINT_PATH is taken in place of the released weights. Rates
# and lengths are in recipes.sh; further arguments go to both trainings and win. The same command goes
# on where a stopped one ended.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/scripts/recipes.sh"
source "$root/scripts/train_steps.sh"

own_weights="${CHECKPOINT_PATH:-}"
choose_run finetune.sh "$@"
shift 2

recipe="$(finetune_recipe "$model")"
weights="$own_weights"
if [ -z "$weights" ]; then
  # Answers a network without released weights, or an unknown one, with those that there are.
  fetched="$(SLIM_PART_OF=finetune.sh "$root/scripts/download_checkpoint.sh" "$model" "$PRETRAINED_DIR")" || exit 1
  echo "$fetched"
  weights="$(fetched_checkpoint "$fetched")"
fi
[ -n "$recipe" ] || fail "$model: scripts/recipes.sh has no row for it; use train_from_scratch.sh"
read -r head_steps head_rate all_steps all_rate flags <<<"$recipe"
read -ra flags <<<"$flags"

convert
title "training a new head of $model -> $TRAIN_DIR"
train "$TRAIN_DIR" --checkpoint_path="$weights" --checkpoint_exclude_scopes=head \
  --trainable_scopes=head --max_number_of_steps="$head_steps" --learning_rate="$head_rate" \
  "${flags[@]}" "$@"
evaluate "$TRAIN_DIR"
title "training all layers of $model -> $TRAIN_DIR/all"
train "$TRAIN_DIR/all" --checkpoint_path="$TRAIN_DIR" --max_number_of_steps="$all_steps" \
  --learning_rate="$all_rate" "${flags[@]}" "$@"
evaluate "$TRAIN_DIR/all"
# shellcheck disable=SC2119
title "$(chosen_stage 2>&1 >/dev/null)"
say_next export_freeze.sh
