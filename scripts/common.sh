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

# Tell whether a switch is on: the last one among the arguments counts.
is_on() { # NAME ARGUMENTS...
  local name="$1" status=1 argument
  shift
  for argument in "$@"; do
    argument="${argument#-}"
    case "${argument#-}" in
      "$name" | "$name"=[Tt]rue | "$name"=1) status=0 ;;
      "no$name" | "$name"=*) status=1 ;;
    esac
  done
  return "$status"
}

# Tell whether the arguments ask for help, which needs no settings to be right.
wants_help() { # ARGUMENTS...
  case " $* " in *' -h '* | *' --help '* | *' --helpfull '*) return 0 ;; esac
  return 1
}

# Show how a script is used, then the help of the program behind it, and exit.
show_help() { # PROGRAM ARGUMENTS...
  print_usage "$0"
  echo
  exec "$python" "$@"
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

# Print the directory of the stage of finetune.sh to use, the one with the better validation accuracy
# (after env_set.sh). Standard error gets why.
# shellcheck disable=SC2120
chosen_stage() { # [--running]
  if [ -e "$TRAIN_DIR/all" ]; then
    run_module training.jobs.stages "$@" "$TRAIN_DIR" "$EVAL_DIR"
  else
    printf '%s\n' "$TRAIN_DIR"
  fi
}

# Take over what the arguments say in place of the settings, so that the next script is told, too.
take_settings() { # ARGUMENTS...
  DATASET_NAME="$(flag_value dataset_name "$DATASET_NAME" "$@")"
  DATASET_DIR="$(flag_value dataset_dir "$DATASET_DIR" "$@")"
  MODEL_NAME="$(flag_value model_name "$MODEL_NAME" "$@")"
  TRAIN_DIR="$(flag_value train_dir "$TRAIN_DIR" "$@")"
}

# Print the path of the checkpoint that download_checkpoint.sh has fetched.
fetched_checkpoint() { # OUTPUT
  printf '%s\n' "${1##*has them: }"
}

# Say which script comes next, with the settings that env_set.sh alone would not have (after
# env_set.sh).
say_next() { # SCRIPT ARGUMENTS...
  # A part of a longer script leaves that to it.
  [ -z "${SLIM_PART_OF:-}" ] || return 0
  local names setting values=() typed='' script i
  case "$1" in
    classify.sh | server.sh) names=(MODEL_NAME EXPORT_DIR UPLOAD_DIR) ;;
    run_train.sh)
      names=(DATASET_NAME DATASET_DIR MODEL_NAME PRETRAINED_DIR CHECKPOINT_PATH TRAIN_DIR)
      ;;
    *) names=(DATASET_NAME DATASET_DIR MODEL_NAME TRAIN_DIR EVAL_DIR EXPORT_DIR) ;;
  esac
  for setting in "${names[@]}"; do values+=("${!setting-}"); done
  script="$(dirname "$0")/$1"
  shift
  (
    unset "${names[@]}"
    for i in "${!names[@]}"; do
      setting="${names[i]}"
      # Each as env_set.sh makes it of those before.
      if [ "$(source "$root/scripts/env_set.sh" && printf '%s' "${!setting-}")" != "${values[i]}" ]; then
        export "$setting=${values[i]}"
        typed+="$setting=$(printf '%q' "${values[i]}") "
      fi
    done
    printf 'next: %s%q' "$typed" "$script"
    [ $# -eq 0 ] || printf ' %q' "$@"
    printf '\n'
  )
}
