# The steps that finetune.sh and train_from_scratch.sh are made of. They source it; it is not run.
# shellcheck shell=bash disable=SC2154  # root and python are common.sh's.
source "$root/scripts/stopping.sh"

# Set model and dataset from the first two arguments, and the directories from env_set.sh.
choose_run() { # SCRIPT MODEL DATASET
  if wants_help "$@"; then show_help "$root/train_image_classifier.py" "${@:2}"; fi
  case "${2:--} ${3:--}" in
    -* | *' -'*) fail "usage: scripts/$1 MODEL DATASET [flags of train_image_classifier.py]" ;;
  esac
  model="$2" dataset="$3"
  # The files' names, and TRAIN_DIR's, follow these two.
  MODEL_NAME="$model" DATASET_NAME="$dataset"
  source "$root/scripts/env_set.sh"
  if [ "$MODEL_NAME" != "$model" ] || [ "$DATASET_NAME" != "$dataset" ]; then
    fail "scripts/env_set.sh sets MODEL_NAME=$MODEL_NAME and DATASET_NAME=$DATASET_NAME whatever is\
 asked for; write them there as \${MODEL_NAME:-$MODEL_NAME} and \${DATASET_NAME:-$DATASET_NAME}"
  fi
}

# Refuse a network that is none before anything is downloaded for it.
check_model() {
  "$python" -c '
import sys
sys.path[0] = sys.argv[1]
from common.errors import exit_cleanly
from nets import nets_factory
exit_cleanly(nets_factory.get_spec)(sys.argv[2])
' "$root" "$model"
}

title() { # TEXT
  printf '\n== %s\n' "$1"
}

convert() {
  title "converting $dataset -> $DATASET_DIR"
  stoppable "$python" "$root/download_and_convert_data.py" \
    --dataset_name="$dataset" --dataset_dir="$DATASET_DIR"
}

train() { # TRAIN_DIR FLAGS...
  local train_dir="$1"
  shift
  stoppable "$python" -u "$root/train_image_classifier.py" --dataset_name="$dataset" \
    --dataset_dir="$DATASET_DIR" --model_name="$model" --train_dir="$train_dir" "$@"
}

evaluate() { # TRAIN_DIR
  title "evaluating $1 -> $1/eval"
  stoppable "$python" -u "$root/eval_image_classifier.py" --dataset_name="$dataset" \
    --dataset_dir="$DATASET_DIR" --checkpoint_path="$1" --eval_dir="$1/eval"
}
