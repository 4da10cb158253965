#!/usr/bin/env bash
# Stop the training that env_set.sh names, and wait until it has saved a checkpoint.
#
#   scripts/stop_train.sh
#   scripts/stop_train.sh --train_dir=DIR
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/scripts/env_set.sh"

for argument in "$@"; do
  case "$argument" in
    --train_dir=?*) TRAIN_DIR="$(flag_value train_dir '' "$argument")" ;;
    *) fail "unknown argument '$argument'; the only one is --train_dir=DIR" ;;
  esac
done
run_module training.jobs.background stop "$TRAIN_DIR"
[ ! -e "$TRAIN_DIR/checkpoint" ] || say_next export_freeze.sh
