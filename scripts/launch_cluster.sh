#!/usr/bin/env bash
# Try training on several processes: one parameter server and some workers on this machine.
#
#   scripts/launch_cluster.sh 2 --train_dir=... --dataset_dir=... --model_name=...
#
# The first argument is the number of workers; all others go to train_image_classifier.py. Each
# process writes a log where you stand. Ctrl-C ends them all; the chief saves a checkpoint first.
#
# SLIM_CLUSTER_LOGS=DIR   where the logs go (the current directory)
#
# TensorFlow's servers have no authentication: use this on a machine or network of your own.
set -euo pipefail

source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if wants_help "$@"; then show_help "$root/train_image_classifier.py" "$@"; fi
workers="${1:-}"
case "$workers" in
  '' | *[!0-9]* | 0*)
    fail "'$workers': the first argument has to be the number of workers: ${BASH_SOURCE[0]} 2 --train_dir=..."
    ;;
esac
shift

logs="${SLIM_CLUSTER_LOGS:-$PWD}"
mkdir -p "$logs"

# Free ports, all held open until the last is found, so that no two are the same.
hosts="$("$python" -c '
import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(",".join("127.0.0.1:%d" % each.getsockname()[1] for each in sockets))
' "$((workers + 1))")"
ps_hosts="${hosts%%,*}"
worker_hosts="${hosts#*,}"

processes=()

launch() { # JOB TASK FLAGS...
  local job="$1" task="$2"
  local log="$logs/cluster_${job}_${task}.log"
  shift 2
  "$python" -u "$root/train_image_classifier.py" "$@" --job_name="$job" --task="$task" \
    --ps_hosts="$ps_hosts" --worker_hosts="$worker_hosts" >"$log" 2>&1 &
  processes+=("$!")
  echo "$job $task: process $!, log $log"
}

# The server ends when its workers have told it that they finished, and without it they could not
# save: it is stopped last. (Called by the trap, too.)
# shellcheck disable=SC2317
stop_all() { # STATUS
  trap '' INT TERM
  echo 'stopping all' >&2
  local process
  for process in "${processes[@]:1}"; do
    kill -TERM "$process" 2>/dev/null || true
  done
  for process in "${processes[@]:1}"; do
    wait "$process" || true
  done
  kill -TERM "${processes[0]}" 2>/dev/null || true
  wait "${processes[0]}" || true
  exit "$1"
}

launch ps 0 "$@"
trap 'stop_all 130' INT TERM
task=0
while [ "$task" -lt "$workers" ]; do
  launch worker "$task" "$@"
  task=$((task + 1))
done

# Nothing goes on without the chief. Killed by a signal, it may be started again by hand.
status=0
wait "${processes[1]}" || status=$?
if [ "$status" -ne 0 ] && [ "$status" -lt 128 ]; then
  echo "worker 0 failed: $(tail -n 1 "$logs/cluster_worker_0.log")" >&2
  stop_all "$status"
fi
for process in "${processes[0]}" "${processes[@]:2}"; do
  wait "$process" || status=1
done
if [ "$status" -ne 0 ]; then
  echo "a process failed; its log says why: $logs/cluster_*.log" >&2
  exit 1
fi
train_dir="$(flag_value train_dir TRAIN_DIR "$@")"
dataset_dir="$(flag_value dataset_dir "$(flag_value data_dir DATASET_DIR "$@")" "$@")"
printf 'next: %q %q --checkpoint_path=%q --eval_dir=%q --dataset_dir=%q\n' "$python" \
  "$root/eval_image_classifier.py" "$train_dir" "$train_dir/eval" "$dataset_dir"
