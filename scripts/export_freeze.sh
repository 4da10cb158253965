#!/usr/bin/env bash
# Export the network of the training that env_set.sh names, and freeze its newest checkpoint. If the
# records of the data set are there, first learn what the network does not know (which pictures are
# of none of its classes, and how sure it is); the frozen network then says so.
#
#   scripts/export_freeze.sh                                writes my_inception_v4.pb (the network) and
#                                                           my_inception_v4_freeze.pb (with weights),
#                                                           .onnx (for ONNX Runtime), .label (class
#                                                           names), .json (description)
#   scripts/export_freeze.sh --checkpoint_path=CHECKPOINT   an older checkpoint, or TRAIN_DIR; the
#                                                           default is the better stage of finetune.sh
#   scripts/export_freeze.sh --nolimits                     without what the network does not know
#   scripts/export_freeze.sh --int8                         also my_inception_v4_freeze.int8.onnx,
#                                                           quantized with the pictures of DATASET_DIR
#   scripts/export_freeze.sh --image_size=331 ...           arguments are passed to
#                                                           export_inference_graph.py, those after --
#                                                           to freeze_graph.py
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_command export_freeze "$@"
