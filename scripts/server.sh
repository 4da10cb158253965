#!/usr/bin/env bash
# Serve the frozen graph of export_freeze.sh to every machine that can reach this one.
#
#   scripts/server.sh                       the graph that env_set.sh names
#   scripts/server.sh --port=8080 ...       arguments are passed to server.py and override the settings
#
# The server speaks plain HTTP and, without --api_key_file, anybody may use it. For this machine
# alone: scripts/server.sh --host=127.0.0.1
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_command server "$@"
