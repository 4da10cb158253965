#!/usr/bin/env bash
# Download published weights, check them, and describe them in a model.json beside them.
#
#   scripts/download_checkpoint.sh                       lists all of them
#   scripts/download_checkpoint.sh inception_v4          into $PRETRAINED_DIR
#   scripts/download_checkpoint.sh mobilenet_v1_0.50_160 /data/weights
#   scripts/download_checkpoint.sh timm/resnet50.a1_in1k
#   scripts/download_checkpoint.sh inception_v4 --source=timm
#   scripts/download_checkpoint.sh inception_v4 --mirror=https://my.mirror/models
#
# A network means the archive of TF-Slim, and if that cannot be downloaded the same network from timm,
# Keras or torchvision, whose file is converted. The output says which was taken, why not the
# others, and how the weights differ. A second call finds what the first one took.
#
# --source=archive|timm|keras|torchvision   takes this one only
#
# An interrupted download is resumed. Files are compared with their published hash. No hashes of the
# archives were ever published, so each is read to its end, its variables are compared with the
# network's, and its hash is printed.
#
# --mirror=ADDRESS   an address or a directory that has all archives and files, side by side: Keras'
#                    and torchvision's under their own names, timm's as inception_v4.tf_in1k.safetensors
# SLIM_CHECKPOINT_MIRROR=ADDRESS   the same as --mirror
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_command download_checkpoint "$@"
