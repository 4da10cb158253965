#!/usr/bin/env bash
# Make .venv in the checkout's root with the exact versions of requirements.txt. pip compares each
# file that it fetches with the hash written there.
#
#   scripts/setup_env.sh          what the programs need
#   scripts/setup_env.sh --dev    what tests and checks need, too
#
# SLIM_PYTHON=/path/to/python  use this interpreter; otherwise the newest supported one is found
# SLIM_GPU=1                   bring NVIDIA's libraries for TensorFlow
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly SUPPORTED='3.13 3.12 3.11 3.10'
venv=$root/.venv
stamp=$venv/installed

version_of() {
  "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

is_supported() {
  case " $SUPPORTED " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}

find_python() {
  local version candidate
  if [ -n "${SLIM_PYTHON:-}" ]; then
    version=$(version_of "$SLIM_PYTHON") || fail "SLIM_PYTHON=$SLIM_PYTHON is not a Python that runs"
    is_supported "$version" ||
      fail "SLIM_PYTHON=$SLIM_PYTHON is Python $version; one of $SUPPORTED is needed"
    echo "$SLIM_PYTHON"
    return
  fi
  # The default python3 first: it is the one that the user has looked after.
  for candidate in python3 python3.13 python3.12 python3.11 python3.10 python; do
    if version=$(version_of "$candidate") && is_supported "$version"; then
      echo "$candidate"
      return
    fi
  done
  fail "no Python of a supported version ($SUPPORTED) was found; install one, or set SLIM_PYTHON"
}

# What the environment is made from; equal to the stamp's content when there is nothing to do.
wanted() {
  echo "python $("$venv/bin/python" -c 'import sys; print(sys.version)' | head -n 1)"
  echo "gpu ${SLIM_GPU:-0}"
  cat "${requirements[@]}"
}

requirements=("$root/requirements.txt")
# Before those of --dev, which an environment may have beyond what is asked for.
if [ "${SLIM_GPU:-0}" = 1 ]; then
  requirements+=("$root/requirements-gpu.txt")
fi
for argument in "$@"; do
  case $argument in
    --dev) requirements+=("$root/requirements-dev.txt") ;;
    -h | --help)
      print_usage "${BASH_SOURCE[0]}"
      exit
      ;;
    *) fail "unknown argument '$argument'; the only one is --dev" ;;
  esac
done

make_venv() {
  echo "setting up $venv with $("$1" --version)"
  "$1" -m venv --clear "$venv" || fail "$1 -m venv failed; on Debian: apt install python3-venv"
}

# Keep the environment that is there, unless its Python is gone, too old, or not the one asked for.
current=$(version_of "$venv/bin/python") || current=none
if [ -n "${SLIM_PYTHON:-}" ]; then
  python=$(find_python)
  [ "$current" = "$(version_of "$python")" ] || make_venv "$python"
elif ! is_supported "$current"; then
  python=$(find_python)
  make_venv "$python"
fi

# An environment with the tools for tests has everything that one without them has.
contents=$(wanted)
if [ -f "$stamp" ]; then
  installed=$(cat "$stamp")
  case $installed in "$contents"*) exit 0 ;; esac
fi

rm -f "$stamp"
packages=()
for file in "${requirements[@]}"; do
  packages+=(-r "$file")
done
echo 'installing the packages of requirements.txt (2.4 GB on disk, once) ...'
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
  "${packages[@]}" ||
  fail 'the packages could not be installed (see above); run the same command again to go on'
printf '%s\n' "$contents" >"$stamp"
echo "ready: $venv"
