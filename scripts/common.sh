# What the scripts share; they source it.
#
#   root      the checkout
#   python    the interpreter of its .venv, or python3 if there is none
# shellcheck shell=bash disable=SC2034

# An exported CDPATH would lead cd elsewhere, and make it print.
root="$(CDPATH='' cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
python="$root/.venv/bin/python"
[ -x "$python" ] || python=python3

# End with one line that says what is wrong and what is valid.
fail() { # MESSAGE
  echo "error: $1" >&2
  exit 1
}

# Print the comment at the top of a script: its usage.
print_usage() { # SCRIPT
  sed -n '2,/^set/s/^# \{0,1\}//p' "$1"
}

# Run `main` of training/jobs/commands/NAME.py in place of this shell. (python -m would look in the
# current directory first, where a folder may have a module's name.)
run_command() { # NAME ARGUMENTS...
  exec "$python" -c '
import sys
if sys.version_info < (3, 10):
    sys.exit("error: Python 3.10 or newer is needed; scripts/setup_env.sh makes an environment")
sys.path[:] = [sys.argv[1], *filter(None, sys.path)]
from training.jobs import command_line
sys.exit(command_line.main(*sys.argv[2:]))
' "$root" "$1" "$0" "${@:2}"
}
