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

program="$root/server.py"
if wants_help "$@"; then show_help "$program" "$@"; fi

graph="$(frozen_graph)"
if [ ! -e "$graph" ] && [ -z "$(flag_value model_name '' "$@")" ]; then
  fail "$graph: no such file; $root/scripts/export_freeze.sh makes it where you stand, or in EXPORT_DIR"
fi
exec "$python" -u "$program" --host=0.0.0.0 --model_name="$graph" \
  --upload_folder="$UPLOAD_DIR" "$@"
