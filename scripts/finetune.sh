#!/usr/bin/env bash
# Fine-tune a released network on a data set: first a new head alone, then all layers.
#
#   scripts/finetune.sh inception_v3 flowers
#   scripts/finetune.sh resnet_v1_50 my_flower_5 --learning_rate=0.00001
#   scripts/finetune.sh inception_v3 flowers --head_only    without the second stage
#   scripts/finetune.sh timm/resnet50.a1_in1k flowers       other weights of download_checkpoint.sh
#   scripts/finetune.sh imported/ flowers                   a checkpoint, of import_weights.py too
#
# Downloads the weights, downloads the pictures (or reads them from DATASET_DIR) and converts them.
# Then it fits the head to the features of the pictures (TRAIN_DIR), which takes one pass over the
# pictures, and trains all layers from there at a low rate (TRAIN_DIR/all). The second stage
# validates after each epoch, keeps the best checkpoint (TRAIN_DIR/all/best), and ends when the
# accuracy no longer rises. Both are evaluated; run_eval.sh, export_freeze.sh and classify.sh then
# use the more accurate one.
#
# Directories are those of env_set.sh. CHECKPOINT_PATH, if set in the environment, replaces the
# released weights. Further arguments are passed to both trainings and override their values, which
# are in training/jobs/recipes.py; those about steps and rates apply to the second one only. Run the
# same command again to resume a stopped run.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_command finetune "$@"
