# How each network is trained: the one table of finetune.sh, train_from_scratch.sh and quickstart.sh,
# and the optimizer of run_train.sh. They source it; it is not run. Patterns are the shell's, and the
# first row that fits holds.
# shellcheck shell=bash

# Of run_train.sh, and of sweep_learning_rate.sh, which looks for its rate: a rate belongs to an
# epsilon. At the program's default of 1, which is TF-Slim's, a rate of 0.001 learns far too slowly:
# 100 steps of a new head reached 23% where these reach 81% (docs/learning_rate.md). Another optimizer
# keeps the program's.
optimizer_recipe() { # ARGUMENTS...
  local epsilon=''
  [ "$(flag_value optimizer adam "$@")" != adam ] || epsilon=--opt_epsilon=1e-8
  echo --optimizer=adam --batch_size=32 $epsilon
}

# From released weights: first a new head alone, then everything at a lower rate. The rows of
# inception_v1, inception_v3, inception_resnet_v2 and resnet_v1_50 are those of TF-Slim's scripts for
# the flowers; their relatives follow them.
finetune_table() {
  cat <<'TABLE'
# network              head: steps rate   all: steps rate   flags of both
inception_v1                  3000 0.01         1000 0.001
inception_v2                  3000 0.01         1000 0.001
inception_v[34]               1000 0.01          500 0.0001  --learning_rate_decay_type=fixed
inception_resnet_v2           1000 0.01          500 0.0001  --learning_rate_decay_type=fixed
resnet_v?_*                   3000 0.01         1000 0.001
mobilenet_v1*                 3000 0.01         1000 0.001
vgg_*                         3000 0.001        1000 0.0001
TABLE
}

# Of all of finetune_table's rows.
finetune_flags() {
  echo --batch_size=32 --optimizer=rmsprop --weight_decay=0.00004
}

# From random weights. lenet and cifarnet: TF-Slim's scripts. mobilenet_v1_025 on the drawn flowers:
# measured here, for a small data set and a few minutes. The others: the networks' papers, as far as
# they fit one machine (resnet: He et al. 2015, section 3.4; vgg: Simonyan and Zisserman 2014,
# section 3.1, alexnet and overfeat alike; inception and mobilenet: TF-Slim's defaults).
scratch_table() {
  cat <<'TABLE'
# network          data set         flags
lenet              *                --max_number_of_steps=20000 --batch_size=50
  --optimizer=sgd --learning_rate=0.01 --learning_rate_decay_type=fixed --weight_decay=0
cifarnet           *                --max_number_of_steps=100000 --batch_size=128
  --optimizer=sgd --learning_rate=0.1 --learning_rate_decay_factor=0.1 --num_epochs_per_decay=200
  --weight_decay=0.004
mobilenet_v1_025   sample_flowers   --train_image_size=128 --num_epochs=45 --batch_size=32
  --optimizer=adam --opt_epsilon=1e-8 --learning_rate=0.01 --warmup_epochs=1
  --learning_rate_decay_type=cosine --end_learning_rate=0 --batch_norm_decay=0.95
inception_*        *                --num_epochs=100 --batch_size=32
  --optimizer=rmsprop --learning_rate=0.01 --learning_rate_decay_factor=0.94
  --num_epochs_per_decay=2 --weight_decay=0.00004
mobilenet_v1*      *                --num_epochs=100 --batch_size=64
  --optimizer=rmsprop --learning_rate=0.045 --learning_rate_decay_factor=0.98
  --num_epochs_per_decay=2.5 --weight_decay=0.00004
resnet_v?_*        *                --num_epochs=90 --batch_size=32
  --optimizer=momentum --learning_rate=0.0125 --learning_rate_decay_factor=0.1
  --num_epochs_per_decay=30 --weight_decay=0.0001
*                  *                --num_epochs=74 --batch_size=128
  --optimizer=momentum --learning_rate=0.005 --learning_rate_decay_factor=0.1
  --num_epochs_per_decay=25 --weight_decay=0.0005
TABLE
}

# Print `head_steps head_rate all_steps all_rate flags...`; nothing for a network without a row.
finetune_recipe() { # MODEL
  local pattern rest
  while read -r pattern rest; do
    # shellcheck disable=SC2254
    case "$1" in $pattern)
      echo "$rest $(finetune_flags)"
      return
      ;;
    esac
  done < <(finetune_table)
}

# Print the flags of a training from random weights.
scratch_recipe() { # MODEL DATASET
  local model dataset flags found=''
  while read -r model dataset flags; do
    case "$model" in
      --*) # The row above goes on.
        [ -z "$found" ] || echo "$model $dataset $flags"
        continue
        ;;
    esac
    [ -z "$found" ] || return 0
    # shellcheck disable=SC2254
    case "$1" in $model)
      # shellcheck disable=SC2254
      case "$2" in $dataset)
        echo "$flags"
        found=yes
        ;;
      esac
      ;;
    esac
  done < <(scratch_table)
}
