#!/usr/bin/env bash
# Fine-tune a released network on a data set: first a new head alone, then all layers.
#
#   scripts/finetune.sh inception_v3 flowers
#   scripts/finetune.sh resnet_v1_50 my_flower_5 --batch_size=16
#
# Downloads the weights, downloads the pictures (or reads them from DATASET_DIR) and converts them,
# trains the head into TRAIN_DIR and all layers into TRAIN_DIR/all, and evaluates after each. Then
# run_eval.sh, export_freeze.sh and classify.sh use the stage with the better accuracy.
#
# Directories are those of env_set.sh. CHECKPOINT_PATH, if set in the environment, replaces the
# released weights. Learning rates and lengths are in training/jobs/recipes.py; further arguments are
# passed to both trainings and override them. Run the same command again to resume a stopped run.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_command finetune "$@"
