#!/usr/bin/env bash
# Serve the frozen graph of export_freeze.sh to every machine that reaches this one.
#
#   scripts/server.sh                       what env_set.sh names
#   scripts/server.sh --port=8080 ...       arguments go to server.py and win
#
# The server speaks plain HTTP and, without --api_key_file, asks nobody who they are. For this
# machine alone: scripts/server.sh --host=127.0.0.1
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$root/scripts/env_set.sh"

exec "$python" -u "$root/server.py" --host=0.0.0.0 --model_name="$(frozen_graph)" \
  --upload_folder="$UPLOAD_DIR" "$@"
