# What the scripts share. They source it; it is not run.
#
#   root      the checkout
#   python    its .venv's interpreter, or python3 where there is no .venv
# shellcheck shell=bash disable=SC2034

# An exported CDPATH would send cd elsewhere, and make it print.
root="$(CDPATH='' cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
python="$root/.venv/bin/python"
[ -x "$python" ] || python=python3

# End with one line that says what is wrong and what is valid.
fail() { # MESSAGE
  echo "error: $1" >&2
  exit 1
}

# Print the comment at the top of a script: how it is used.
print_usage() { # SCRIPT
  sed -n '2,/^set/s/^# \{0,1\}//p' "$1"
}

# Print what a flag comes to: the last one among the arguments, else the default. Programs decide so
# too, whichever way it is written, and resolve a leading ~ that the shell left alone behind a `=`.
flag_value() { # NAME DEFAULT ARGUMENTS...
  local name="$1" value="$2"
  shift 2
  while [ $# -gt 0 ]; do
    case "$1" in
      --) break ;;
      "--$name="* | "-$name="*) value="${1#*=}" ;;
      "--$name" | "-$name")
        [ $# -lt 2 ] || value="$2"
        ;;
    esac
    shift
  done
  case "$value" in \~ | \~/*) value="$HOME${value#\~}" ;; esac
  printf '%s\n' "$value"
}

# Tell whether the arguments ask for help, which needs no settings to be right.
wants_help() { # ARGUMENTS...
  case " $* " in *' -h '* | *' --help '* | *' --helpfull '*) return 0 ;; esac
  return 1
}

# Run a module of ours. (python -m would look in the caller's directory first, where a folder may
# have a module's name.)
run_module() { # MODULE ARGUMENTS...
  "$python" -c '
import runpy, sys
root, module = sys.argv[1:3]
sys.path[:] = [root, *filter(None, sys.path)]
del sys.argv[1:3]
runpy.run_module(module, run_name="__main__", alter_sys=True)
' "$root" "$@"
}

# Run lines of Python that may import modules of ours.
run_python() { # LINES ARGUMENTS...
  local lines="$1"
  shift
  "$python" -c "import sys
sys.path[:] = [sys.argv.pop(1), *filter(None, sys.path)]
$lines" "$root" "$@"
}

# Print the path of what is written beside a graph: its description (.json) or its labels (.label).
beside_graph() { # GRAPH ENDING
  run_python '
from classifiers import model_info
print(model_info.beside_graph(*sys.argv[1:]))' "$1" "$2"
}

# Print the path of the graph that export_freeze.sh writes and others read (after env_set.sh).
frozen_graph() {
  printf '%s\n' "${EXPORT_DIR%/}/my_${MODEL_NAME}_freeze.pb"
}
