#!/usr/bin/env bash
# Show the curves of training and evaluation together at http://localhost:6006/.
#
#   scripts/tensorboard.sh
#   scripts/tensorboard.sh --port=6007    arguments go to TensorBoard and win
#
# localhost means this machine. To look from another one, either open a tunnel there, and
# http://localhost:6006/ in its browser:
#
#   ssh -L 6006:localhost:6006 USER@THIS_MACHINE
#
# or, in a network that you trust (TensorBoard asks nobody for a password), let every machine look:
#
#   scripts/tensorboard.sh --bind_all     and open http://THIS_MACHINE:6006/
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/scripts/env_set.sh"

if wants_help "$@"; then show_help -m tensorboard.main "$@"; fi

case "$EVAL_DIR/" in
  # What lies below is found.
  "${TRAIN_DIR%/}"/*) logs=(--logdir="$TRAIN_DIR") ;;
  *) logs=(--logdir_spec="train:$TRAIN_DIR,eval:$EVAL_DIR") ;;
esac
# Or a folder where you stand could be taken for a package.
export PYTHONSAFEPATH=1
# A run writes two files of events side by side: without the last flag TensorBoard's slower reader,
# which it falls back to, follows the later one alone, and the curves stand still.
# It takes seconds to start, and is told to end by Ctrl-C: that leaves no traceback.
exec "$python" -c '
import runpy, signal, sys
signal.signal(signal.SIGINT, lambda number, frame: sys.exit(130))
sys.path[:] = [sys.argv.pop(1), *filter(None, sys.path)]
from common import startup
with startup.quiet():
    import tensorflow
sys.path.pop(0)
runpy.run_module("tensorboard.main", run_name="__main__", alter_sys=True)
' "$root" "${logs[@]}" --reload_multifile=true "$@"
