#!/usr/bin/env bash
# Check the style and run the tests; arguments are passed to pytest.
#
#   scripts/run_tests.sh                 all tests except the long ones
#   scripts/run_tests.sh --soak          also the long tests
#   scripts/run_tests.sh tests/nets -x   some tests
#   scripts/run_tests.sh --processors    the numerical tests, once for each kind of processor and
#                                        number of threads; prints a table
#
# SLIM_TEST_WORKERS=4   the number of processes that run tests in parallel (3)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case "${1:-}" in
  -h | --help)
    print_usage "${BASH_SOURCE[0]}"
    exit
    ;;
esac
cd "$root"
scripts/setup_env.sh --dev
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
if command -v shellcheck >/dev/null; then
  shellcheck scripts/*.sh scripts/maintenance/*.sh
fi
# More than 2, because tests also wait for programs that they have started.
workers=(--numprocesses="${SLIM_TEST_WORKERS:-3}" --dist=worksteal)
if [ "${1:-}" = --processors ]; then
  exec .venv/bin/python scripts/maintenance/processor_matrix.py "${workers[@]}" "${@:2}"
fi
exec .venv/bin/python -m pytest "${workers[@]}" "$@"
