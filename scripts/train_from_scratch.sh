#!/usr/bin/env bash
# Train a network on a data set from random weights, and evaluate it.
#
#   scripts/train_from_scratch.sh cifarnet cifar10
#   scripts/train_from_scratch.sh mobilenet_v1_025 sample_flowers --num_epochs=10
#
# Downloads the pictures (or reads them from DATASET_DIR), converts them, and trains into TRAIN_DIR.
# Directories are those of env_set.sh; learning rates and lengths are in training/jobs/recipes.py.
# Further arguments are passed to the training and override them. Run the same command again to
# resume a stopped run.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_command train_from_scratch "$@"
