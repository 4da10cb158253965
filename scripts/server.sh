#!/usr/bin/env bash
# Serve the frozen model of export_freeze.sh to every machine that reaches this one.
#
#   scripts/server.sh                       my_inception_v4_freeze.pb where you stand
#   scripts/server.sh --port=8080 ...       arguments go to server.py and win
#
# The server speaks plain HTTP and, without --api_key_file, asks nobody who they are. For this
# machine alone: python server.py --model_name=my_inception_v4_freeze.pb
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
python="$root/.venv/bin/python"
[ -x "$python" ] || python=python3
exec "$python" -u "$root/server.py" --host=0.0.0.0 --model_name=my_inception_v4_freeze.pb \
  --upload_folder=/tmp/upload "$@"
