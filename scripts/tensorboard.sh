#!/usr/bin/env bash
# Show the curves of training and evaluation together at http://localhost:6006/.
#
#   scripts/tensorboard.sh
#   scripts/tensorboard.sh --bind_all     other machines may look, too
#   scripts/tensorboard.sh --port=6007    arguments go to TensorBoard and win
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/scripts/env_set.sh"

case "$EVAL_DIR/" in
  # What lies below is found.
  "${TRAIN_DIR%/}"/*) logs=(--logdir="$TRAIN_DIR") ;;
  *) logs=(--logdir_spec="train:$TRAIN_DIR,eval:$EVAL_DIR") ;;
esac
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL-1}"
# Or a folder where you stand could be taken for a package.
export PYTHONSAFEPATH=1
# A run writes two files of events side by side: without the last flag TensorBoard's slower reader,
# which it falls back to, follows the later one alone, and the curves stand still.
exec "$python" -m tensorboard.main "${logs[@]}" --reload_multifile=true "$@"
