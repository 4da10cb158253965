#!/usr/bin/env bash
# Show the curves of training and evaluation together at http://localhost:6006/.
#
#   scripts/tensorboard.sh
#   scripts/tensorboard.sh --port=6007    arguments are passed to TensorBoard and override the settings
#
# localhost is this machine. To look from another one, either open a tunnel there, and
# http://localhost:6006/ in its browser:
#
#   ssh -L 6006:localhost:6006 USER@THIS_MACHINE
#
# or, in a network that you trust (TensorBoard has no passwords), allow every machine to look:
#
#   scripts/tensorboard.sh --bind_all     and open http://THIS_MACHINE:6006/
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_command tensorboard "$@"
