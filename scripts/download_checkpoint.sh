#!/usr/bin/env bash
# Fetch a released checkpoint, check it, and describe it in a model.json beside it.
#
#   scripts/download_checkpoint.sh                       lists all there are
#   scripts/download_checkpoint.sh inception_v4          into $PRETRAINED_DIR/inception_v4
#   scripts/download_checkpoint.sh mobilenet_v1_0.50_160 /data/weights
#   scripts/download_checkpoint.sh inception_v4 --mirror=https://my.mirror/models
#
# A download that broke off goes on where it was. Nobody has published hashes of these archives:
# each is read to its end, its variables are compared with the network's, and its hash is printed.
#
# SLIM_CHECKPOINT_MIRROR=ADDRESS   the same as --mirror; a path will do, too
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/scripts/env_set.sh"

if wants_help "$@"; then
  print_usage "$0"
  echo
fi
fetched="$(run_module scripts.download_checkpoint "$@")"
echo "$fetched"
case "$fetched" in *' has them: '*)
  CHECKPOINT_PATH="$(fetched_checkpoint "$fetched")"
  MODEL_NAME="${fetched##* as }"
  MODEL_NAME="${MODEL_NAME%% has them: *}"
  unset TRAIN_DIR EVAL_DIR
  source "$root/scripts/env_set.sh"
  say_next run_train.sh
  ;;
esac
