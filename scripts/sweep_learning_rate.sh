#!/usr/bin/env bash
# Train the same number of steps at each of several learning rates, and compare.
#
#   scripts/sweep_learning_rate.sh                     what env_set.sh names, from 1 down to 0.0001
#   scripts/sweep_learning_rate.sh --learning_rates=0.05,0.02,0.01 --max_number_of_steps=200
#   scripts/sweep_learning_rate.sh --dataset_dir=DIR --model_name=lenet --train_dir=sweep ...
#
# --learning_rates      the rates, with commas (1.0,0.1,0.01,0.001,0.0001)
# --train_dir           gets a directory lr_RATE for each (learning_rates in the current directory)
# --max_number_of_steps the steps of each training (100)
#
# All other arguments are passed to train_image_classifier.py; with --dataset_dir or --data_dir
# nothing is read from env_set.sh. Add --validate_every_n_epochs=1 to compare accuracies too. A rate
# at which the loss becomes NaN is a row of the table. Run the same command again to resume a stopped
# sweep; other rates add to it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_command sweep_learning_rate "$@"
