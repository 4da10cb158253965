#!/usr/bin/env bash
# Stop the training that env_set.sh names, and wait until it has saved a checkpoint.
#
#   scripts/stop_train.sh
#   scripts/stop_train.sh --train_dir=DIR
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_command stop_train "$@"
