#!/usr/bin/env bash
# Compare networks on a data set: how accurate is a linear head on their features, and how fast are
# they? Nothing is trained for long: one pass over the pictures for each network, then a fit.
#
#   scripts/compare_networks.sh my_flower_5                        all checkpoints at hand
#   scripts/compare_networks.sh my_flower_5 mobilenet_v1 vgg_16    these
#   scripts/compare_networks.sh my_flower_5 timm/vgg16.tv_in1k     other weights than TF-Slim's
#   scripts/compare_networks.sh my_flower_5 train_dir/run          a checkpoint of your own
#   scripts/compare_networks.sh my_flower_5 resnet_v1_50 --random  random weights, for a test
#
# Checkpoints at hand are those in PRETRAINED_DIR, where download_checkpoint.sh puts them. The data
# set is in DATASET_DIR; its pictures are converted if that was not done before.
#
# --output_dir DIR   where results go (comparison_DATASET in the current directory):
#                    comparison.csv, comparison.png, and what is kept for the next run
#
# The accuracy is that of a cross-validation on the training pictures, with its standard error. The
# time is that of the network alone, in batches of 32 pictures on this machine; the megabytes are
# those of its weights. Run the same command again to resume a stopped run: what was measured is
# kept, and so are the features of a network.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_command compare_networks "$@"
