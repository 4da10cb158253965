#!/usr/bin/env bash
# Train in the background what env_set.sh names; the log is output.log in the current directory.
#
#   scripts/run_train.sh
#   scripts/run_train.sh --batch_size=16 ...    arguments are passed to train_image_classifier.py and
#                                               override the settings
#
# With CHECKPOINT_PATH only the network's last layers are trained, and all others stay as released.
# The features of each picture are computed once, and the last layers train on them for 100 epochs
# (docs/heads.md); --nocache_features trains on varied pictures until you stop it.
# Without CHECKPOINT_PATH all layers are trained, until you stop it. Run the same command again to
# resume a stopped run.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_command run_train "$@"
