# The settings of the scripts: which pictures, which network, and where the results go. Edit this
# file to change them. Your own scripts can read it too: source .../scripts/env_set.sh (bash or zsh).
#
# Environment variables override the values below:
#   MODEL_NAME=resnet_v1_50 TRAIN_DIR=/data/run2 scripts/run_train.sh
# shellcheck shell=bash

# The folder $DATASET_DIR/$DATASET_NAME contains one folder of pictures per class. The name may also
# be a data set of download_and_convert_data.py: flowers, cifar10, sample_flowers, ...
export DATASET_NAME="${DATASET_NAME:-my_flower_5}"
# The directory of the pictures and, after conversion, of their records and labels.txt.
export DATASET_DIR="${DATASET_DIR:-$HOME/data/flower}"

# The network: inception_v4, resnet_v1_50, mobilenet_v1, ...
export MODEL_NAME="${MODEL_NAME:-inception_v4}"
# The directory for released weights; download_checkpoint.sh creates a subdirectory for each network.
export PRETRAINED_DIR="${PRETRAINED_DIR:-$HOME/pre_trained}"
# The weights to start from. If set to nothing, training starts from random weights. If this file does
# not exist, the scripts take other weights of the network that download_checkpoint.sh has downloaded.
export CHECKPOINT_PATH="${CHECKPOINT_PATH-$PRETRAINED_DIR/$MODEL_NAME/$MODEL_NAME.ckpt}"

# The directory for checkpoints and logs. Another data set or network needs another directory.
export TRAIN_DIR="${TRAIN_DIR:-$HOME/train/${DATASET_NAME}_$MODEL_NAME}"
# The directory for results of the evaluation. In TRAIN_DIR, TensorBoard shows both together.
export EVAL_DIR="${EVAL_DIR:-$TRAIN_DIR/eval}"

# The directory for my_$MODEL_NAME.pb and my_${MODEL_NAME}_freeze.pb.
export EXPORT_DIR="${EXPORT_DIR:-.}"
# The directory for the server's copies of uploaded pictures. If set to nothing, it keeps none.
export UPLOAD_DIR="${UPLOAD_DIR-/tmp/upload}"
