#!/usr/bin/env bash
# Download a released checkpoint, check it, and describe it in a model.json beside it.
#
#   scripts/download_checkpoint.sh                       lists all checkpoints
#   scripts/download_checkpoint.sh inception_v4          into $PRETRAINED_DIR/inception_v4
#   scripts/download_checkpoint.sh mobilenet_v1_0.50_160 /data/weights
#   scripts/download_checkpoint.sh inception_v4 --mirror=https://my.mirror/models
#
# An interrupted download is resumed. No hashes of these archives were ever published, so each is
# read to its end, its variables are compared with the network's, and its hash is printed.
#
# SLIM_CHECKPOINT_MIRROR=ADDRESS   the same as --mirror; may also be a path
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_command download_checkpoint "$@"
