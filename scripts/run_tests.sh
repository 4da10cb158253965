#!/usr/bin/env bash
# Check the style and run the tests; arguments go to pytest.
#
#   scripts/run_tests.sh                 each promise once, at its smallest
#   scripts/run_tests.sh --soak          full counts, every network
#   scripts/run_tests.sh tests/nets -x   a part
#   scripts/run_tests.sh --processors    the numerically sensitive tests, once for each kind of
#                                        processor and number of threads; prints a table
#
# SLIM_TEST_WORKERS=4   processes that run tests side by side (2)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cd "$root"
scripts/setup_env.sh --dev
.venv/bin/ruff check .
.venv/bin/ruff format --check .
if command -v shellcheck >/dev/null; then
  shellcheck scripts/*.sh
fi
workers=(--numprocesses="${SLIM_TEST_WORKERS:-2}" --dist=worksteal)
if [ "${1:-}" = --processors ]; then
  exec .venv/bin/python scripts/processor_matrix.py "${workers[@]}" "${@:2}"
fi
exec .venv/bin/python -m pytest "${workers[@]}" "$@"
