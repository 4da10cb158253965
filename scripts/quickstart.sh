#!/usr/bin/env bash
# From a fresh checkout to a served classifier: some minutes, no network but for the installation.
#
#   scripts/quickstart.sh                  drawn sample flowers; serves them at the end
#   scripts/quickstart.sh --images DIR     your pictures: DIR has one folder for each class
#   scripts/quickstart.sh --no_serve       ends with the accuracy and the time
#
# --dir DIR     where everything goes (quickstart/NAME in the checkout)
# --port N      the server's port (5001)
# --steps N     at most so many steps of training (3000)
# --no_setup    take the Python environment that is there, and make no .venv
#
# A second run reuses what is there, and one that was stopped goes on. Pictures that changed are
# converted and learned anew.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/scripts/recipes.sh"
source "$root/scripts/stopping.sh"

model=mobilenet_v1_025
node=MobilenetV1/Predictions/Reshape_1
parts=6
images='' work='' port=5001 steps=3000 serve=yes setup=yes

needs_value() { # OPTION COUNT
  [ "$2" -gt 1 ] || fail "$1 needs a value; scripts/quickstart.sh --help tells which"
}

while [ $# -gt 0 ]; do
  case "$1" in
    --images | --dir | --port | --steps)
      needs_value "$1" $#
      option="$1=$2"
      shift
      ;;
    *) option="$1" ;;
  esac
  case "$option" in
    --images=*) images="${option#*=}" ;;
    --dir=*) work="${option#*=}" ;;
    --port=*) port="${option#*=}" ;;
    --steps=*) steps="${option#*=}" ;;
    --no_serve) serve='' ;;
    --no_setup) setup='' ;;
    -h | --help)
      print_usage "${BASH_SOURCE[0]}"
      exit
      ;;
    *)
      fail "unknown argument '$1'; valid are --images, --dir, --port, --steps, --no_serve,\
 --no_setup"
      ;;
  esac
  shift
done

name=sample_flowers
if [ -n "$images" ]; then
  [ -d "$images" ] || fail "--images=$images: no such folder; it has to hold one folder a class"
  images="$(CDPATH='' cd "$images" && pwd)"
  # Not the folder's own name: a folder "flowers" is not the published data set of that name.
  name=my_pictures
  work="${work:-$root/quickstart/$(basename "$images")}"
fi
work="${work:-$root/quickstart/$name}"
if [ -e "$work" ] && [ ! -e "$work/quickstart.key" ] && [ -n "$(ls -A "$work")" ]; then
  fail "--dir=$work: holds something else; name a directory that is empty or not there yet"
fi
mkdir -p "$work" || fail "--dir=$work: cannot be made"
work="$(CDPATH='' cd "$work" && pwd)"
touch "$work/quickstart.key"

number=0
# Run a step, unless an earlier run has finished it; its output goes to a log.
step() { # STEP TITLE COMMAND...
  local step="$1" title="$2" log="$work/$1.log" began=$SECONDS status=0
  shift 2
  number=$((number + 1))
  if [ -e "$work/$step.done" ]; then
    echo "[$number/$parts] $title: done before"
    return
  fi
  echo "[$number/$parts] $title"
  "$@" >"$log" 2>&1 &
  child=$!
  [ "$step" != train ] || follow "$log"
  wait "$child" || status=$?
  child=''
  if [ "$status" -ne 0 ]; then
    # Of the link that stands for the user's folder nobody has heard.
    { grep '^error: ' "$log" || tail -n 5 "$log"; } | sed "s|$work/source/$name|$images|g" >&2
    fail "the step '$title' failed; its log is $log"
  fi
  touch "$work/$step.done"
  echo "      $((SECONDS - began)) s"
}

# Show now and then how far the training is.
follow() { # LOG
  local line shown='' next=$((SECONDS + 10))
  while kill -0 "$child" 2>/dev/null; do
    sleep 0.2
    if [ "$SECONDS" -ge "$next" ]; then
      line="$(grep -o 'global step .*' "$1" | tail -n 1)" || line=''
      [ "$line" = "$shown" ] || echo "      $line"
      shown="$line" next=$((SECONDS + 10))
    fi
  done
}

# What was made of other pictures, or by another recipe, is of no use any more.
forget_older() {
  local key
  key="$(cat "$work/data/$name.manifest.json" "$root/scripts/recipes.sh" | cksum) $steps"
  if [ "$key" != "$(cat "$work/quickstart.key")" ]; then
    rm -rf "$work/train" "$work/eval" "$work/model"
    rm -f "$work/train.done" "$work/evaluate.done" "$work/export.done" "$work/freeze.done"
    echo "$key" >"$work/quickstart.key"
  fi
}

# Pictures that the training has not seen: drawn ones, or of each class the first held-out one.
some_pictures() {
  if [ -z "$images" ]; then
    [ -e "$work/pictures" ] || run_module scripts.draw_pictures "$work/pictures"
    printf '%s\n' "$work"/pictures/*/*
    return
  fi
  "$python" -c '
import csv, os, sys
with open(sys.argv[1], newline="", encoding="utf-8") as stream:
    rows = list(csv.DictReader(stream))
firsts = {row["true_class"]: row["file_name"] for row in reversed(rows)}
for name in sorted(firsts.values())[:5]:
    print(os.path.join(sys.argv[2], name))
' "$work/eval/predictions.csv" "$images"
}

[ -z "$setup" ] || "$root/scripts/setup_env.sh"
source "$root/scripts/common.sh" # There may be a .venv now.
SECONDS=0

convert=("$python" "$root/download_and_convert_data.py" --dataset_name="$name")
if [ -n "$images" ]; then
  mkdir -p "$work/source"
  rm -f "$work/source/$name"
  ln -s "$images" "$work/source/$name"
  convert+=(--dataset_dir="$work/source" --output_directory="$work/data" --overwrite)
else
  convert+=(--dataset_dir="$work/data")
fi
# Pictures may have changed: the program itself knows what is to do.
rm -f "$work/convert.done"
step convert "convert ${images:-drawn sample flowers}" "${convert[@]}"
forget_older

flags=()
while read -ra row; do
  flags+=("${row[@]}")
done < <(scratch_recipe "$model" sample_flowers)
if [ -n "$images" ]; then
  # With few pictures 45 epochs are too few steps. (A large folder would take hours: --steps.)
  flags+=(--num_epochs="$("$python" -c '
import json, sys
with open(sys.argv[1], encoding="utf-8") as stream:
    pictures = json.load(stream)["splits"]["train"]["examples"]
print(max(45, 600 * 32 // max(1, pictures)))
' "$work/data/$name.manifest.json")")
fi
step train "train $model at 128 pixels" "$python" -u "$root/train_image_classifier.py" \
  --dataset_name="$name" --dataset_dir="$work/data" --train_dir="$work/train" \
  --model_name="$model" "${flags[@]}" --max_number_of_steps="$steps" --seed=1
step evaluate 'evaluate on the validation pictures' "$python" -u "$root/eval_image_classifier.py" \
  --dataset_name="$name" --dataset_dir="$work/data" --dataset_split_name=validation \
  --checkpoint_path="$work/train" --eval_dir="$work/eval"
mkdir -p "$work/model"
step export 'export the network' "$python" -u "$root/export_inference_graph.py" \
  --checkpoint_path="$work/train" --output_file="$work/model/network.pb"
frozen="$work/model/$name.pb"
step freeze 'freeze network and weights into one file' "$python" -u "$root/freeze_graph.py" \
  --input_graph="$work/model/network.pb" --input_binary=True --input_checkpoint="$work/train" \
  --output_graph="$frozen" --output_node_names="$node"

pictures=()
while IFS= read -r picture; do
  pictures+=("$picture")
done < <(some_pictures)
rm -f "$work/classify.done"
step classify 'classify some pictures' "$python" -u "$root/classify_image.py" --model="$frozen" \
  "${pictures[@]}"
grep -v '^INFO\|^WARNING\|^[IWE][0-9]\|^Classifying' "$work/classify.log"

accuracy="$("$python" -c '
import json, sys
with open(sys.argv[1]) as stream:
    print("%.4f" % json.load(stream)["accuracy"])
' "$work/eval/metrics.json")"
server=("$python" -u "$root/server.py" --model_name="$frozen" --port="$port")
echo
echo "the records, the checkpoints, the results: $work"
echo "the classifier, one file: $frozen"
if [ -z "$serve" ]; then
  printf 'next:'
  printf ' %q' "${server[@]}"
  printf '\n'
fi
echo "quickstart: validation accuracy $accuracy, $SECONDS s"
[ -n "$serve" ] || exit 0
echo
exec "${server[@]}"
