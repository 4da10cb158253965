#!/usr/bin/env bash
# From a fresh checkout to a served classifier in a few minutes.
#
#   scripts/quickstart.sh                  drawn sample flowers; serves them at the end
#   scripts/quickstart.sh --images DIR     your pictures: DIR has one folder for each class
#   scripts/quickstart.sh --no_serve       ends with the accuracy and the time
#
# --weights W   what to start from: a name that download_checkpoint.sh lists, a checkpoint of yours
#               or of import_weights.py, or none. By default your pictures start from mobilenet_v1,
#               downloaded into PRETRAINED_DIR (17 MB); if it cannot be downloaded, from random
#               weights. The drawn flowers start from random weights.
# --model_name NET   the network of a checkpoint that has no model.json
# --dir DIR     the directory for all files (quickstart/NAME in the checkout)
# --port N      the port of the server (5001)
# --steps N     the maximum number of training steps from random weights (3000)
# --no_setup    use the current Python environment, and create no .venv
#
# On given weights only a new last layer is trained, which takes about a minute for a few hundred
# pictures. The classifier also says how sure it is and which pictures are of none of its classes,
# unless there are too few pictures to learn this. A second run reuses what the first one made, and
# resumes a run that was stopped. If the pictures or the weights have changed, the network is trained
# again.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Where python3 is missing or too old, setup_env.sh finds another one.
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  case " $* " in
    *' -h '* | *' --help '*)
      print_usage "${BASH_SOURCE[0]}"
      exit
      ;;
    *' --no_setup '*) ;;
    *)
      "$root/scripts/setup_env.sh"
      source "$root/scripts/common.sh"
      ;;
  esac
fi
run_command quickstart "$@"
