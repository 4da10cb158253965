#!/usr/bin/env bash
# Export the network of the training that env_set.sh names, and freeze its newest checkpoint.
#
#   scripts/export_freeze.sh                                my_inception_v4.pb, the network, and
#                                                           my_inception_v4_freeze.pb, .label, .json:
#                                                           with weights, names, and what it is
#   scripts/export_freeze.sh --checkpoint_path=CHECKPOINT   an older checkpoint, or TRAIN_DIR: by
#                                                           default the better stage of finetune.sh
#   scripts/export_freeze.sh --image_size=331 ...           arguments go to export_inference_graph.py,
#                                                           those after -- to freeze_graph.py
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/scripts/env_set.sh"

program="$root/export_inference_graph.py"
if wants_help "$@"; then show_help "$program" "$@"; fi
if [ -n "$(flag_value summarize '' "$@")" ]; then
  exec "$python" "$program" "$@"
fi
format="$(flag_value format graph_def "$@")"
[ "$format" = graph_def ] ||
  fail "--format=$format: only a graph_def is frozen here; $program writes other formats at once"

stage="$TRAIN_DIR"
# shellcheck disable=SC2119
[ -n "$(flag_value checkpoint_path '' "$@")" ] || stage="$(chosen_stage)"
export_flags=(--checkpoint_path="$stage" --model_name="$MODEL_NAME")
# A training directory of TF-Slim does not say what its classes are.
[ -e "$stage/model.json" ] ||
  export_flags+=(--dataset_name="$DATASET_NAME" --dataset_dir="$DATASET_DIR")
freeze_flags=()
# What both programs have to know goes to both.
while [ $# -gt 0 ]; do
  case "$1" in
    --)
      shift
      freeze_flags+=("$@")
      break
      ;;
    --use_moving_averages* | --nouse_moving_averages) freeze_flags+=("$1") ;;
  esac
  export_flags+=("$1")
  shift
done

mkdir -p "$EXPORT_DIR"
frozen="$(frozen_graph)"
graph="$(flag_value output_file "${frozen%_freeze.pb}.pb" "${export_flags[@]}")"
checkpoint="$(flag_value checkpoint_path '' "${export_flags[@]}")"
"$python" -u "$program" --output_file="$graph" "${export_flags[@]}"
# The graph's description knows what its output is called.
output="$(run_python '
from common import files
print(files.read_json(sys.argv[1])["nodes"]["output"])' "$(beside_graph "$graph" .json)")"
"$python" -u "$root/freeze_graph.py" --input_graph="$graph" --input_binary=True \
  --input_checkpoint="$checkpoint" --output_graph="$frozen" --output_node_names="$output" \
  ${freeze_flags[@]+"${freeze_flags[@]}"}
frozen="$(flag_value output_graph "$frozen" ${freeze_flags[@]+"${freeze_flags[@]}"})"
echo "the network:        $graph"
echo "with its weights:   $frozen"
echo "names of classes:   $(beside_graph "$frozen" .label)"
echo "what it is:         $(beside_graph "$frozen" .json)"
# Where its name is another, the scripts do not find it by themselves.
if [ "$frozen" = "$(frozen_graph)" ]; then
  say_next classify.sh PICTURES
  say_next server.sh
else
  say_next classify.sh --model="$frozen" PICTURES
  say_next server.sh --model_name="$frozen"
fi
