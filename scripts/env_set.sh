# The file to edit: which pictures, which network, and where everything goes. The scripts read it,
# and yours can: source .../scripts/env_set.sh (bash or zsh).
#
# What is set in the environment already wins over the values below:
#   MODEL_NAME=resnet_v1_50 TRAIN_DIR=/data/run2 scripts/run_train.sh
# shellcheck shell=bash

# The folder $DATASET_DIR/$DATASET_NAME holds one folder of pictures for each class. (The name may
# also be one of download_and_convert_data.py's own: flowers, cifar10, sample_flowers, ...)
export DATASET_NAME="${DATASET_NAME:-my_flower_5}"
# Pictures and, once converted, their records and labels.txt.
export DATASET_DIR="${DATASET_DIR:-$HOME/data/flower}"

# The network: inception_v4, resnet_v1_50, mobilenet_v1, ...
export MODEL_NAME="${MODEL_NAME:-inception_v4}"
# Where download_checkpoint.sh puts released weights: each into a directory of its own.
export PRETRAINED_DIR="${PRETRAINED_DIR:-$HOME/pre_trained}"
# The released weights to start from. Set but empty: all weights start at random.
export CHECKPOINT_PATH="${CHECKPOINT_PATH-$PRETRAINED_DIR/$MODEL_NAME/$MODEL_NAME.ckpt}"

# Checkpoints and logs of the training. Another data set or network needs another directory.
export TRAIN_DIR="${TRAIN_DIR:-$HOME/train/${DATASET_NAME}_$MODEL_NAME}"
# Results of the evaluation. Below TRAIN_DIR, TensorBoard shows both together.
export EVAL_DIR="${EVAL_DIR:-$TRAIN_DIR/eval}"

# Where my_$MODEL_NAME.pb and my_${MODEL_NAME}_freeze.pb go; a point: where you stand.
export EXPORT_DIR="${EXPORT_DIR:-.}"
# Where the server keeps copies of uploaded pictures. Set but empty: it keeps none.
export UPLOAD_DIR="${UPLOAD_DIR-/tmp/upload}"
