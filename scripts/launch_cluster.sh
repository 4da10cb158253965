#!/usr/bin/env bash
# Try training on several processes: one parameter server and some workers on this machine.
#
#   scripts/launch_cluster.sh 2 --train_dir=... --dataset_dir=... --model_name=...
#
# The first argument is the number of workers; all others are passed to train_image_classifier.py.
# Each process writes a log in the current directory. Ctrl-C ends them all; the chief saves a
# checkpoint first.
#
# SLIM_CLUSTER_LOGS=DIR   where the logs go (the current directory)
#
# TensorFlow's servers have no authentication: use this only on a machine or network of your own.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_command launch_cluster "$@"
