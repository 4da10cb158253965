#!/usr/bin/env bash
# Create .venv in the root of the checkout with the exact versions of requirements.txt. pip compares
# each downloaded file with its hash in that file.
#
#   scripts/setup_env.sh          the packages for all programs
#   scripts/setup_env.sh --dev    also the packages for tests and checks
#   scripts/setup_env.sh --serve  only the packages of requirements-serve.txt, without TensorFlow:
#                                 enough for server.py and classify_image.py with an ONNX model
#
# An environment made with --serve is completed by a later call without it.
#
# SLIM_PYTHON=/path/to/python  use this interpreter instead of the first supported one that is found
# SLIM_GPU=1                   also install NVIDIA's libraries for TensorFlow
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly SUPPORTED='3.13 3.12 3.11 3.10'
venv=$root/.venv
stamp=$venv/installed
readonly ONLY_SERVING='only for serving'

version_of() {
  "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

is_supported() {
  case " $SUPPORTED " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}

find_python() {
  local version candidate
  if [ -n "${SLIM_PYTHON:-}" ]; then
    version=$(version_of "$SLIM_PYTHON") || fail "SLIM_PYTHON=$SLIM_PYTHON is not a working Python interpreter"
    is_supported "$version" ||
      fail "SLIM_PYTHON=$SLIM_PYTHON is Python $version; must be one of $SUPPORTED"
    echo "$SLIM_PYTHON"
    return
  fi
  # Try the default python3 first, because it is probably maintained by the user.
  for candidate in python3 python3.13 python3.12 python3.11 python3.10 python; do
    if version=$(version_of "$candidate") && is_supported "$version"; then
      echo "$candidate"
      return
    fi
  done
  fail "no Python of a supported version ($SUPPORTED) was found; install one, or set SLIM_PYTHON"
}

# Print what the environment is made from. If this equals the stamp, there is nothing to do.
wanted() {
  echo "python $("$venv/bin/python" -c 'import sys; print(sys.version)' | head -n 1)"
  if [ "$serve" = yes ]; then
    echo "$ONLY_SERVING"
  else
    echo "gpu ${SLIM_GPU:-0}"
  fi
  cat "${requirements[@]}"
}

# Return whether the environment has, or once had, the packages for all programs.
is_complete() {
  [ -f "$stamp" ] && ! grep -q -x "$ONLY_SERVING" "$stamp"
}

serve=no
dev=no
for argument in "$@"; do
  case $argument in
    --dev) dev=yes ;;
    --serve) serve=yes ;;
    -h | --help)
      print_usage "${BASH_SOURCE[0]}"
      exit
      ;;
    *) fail "unknown argument '$argument'; must be --dev or --serve" ;;
  esac
done
if [ "$serve" = yes ]; then
  [ "$dev" = no ] || fail 'pass either --serve or --dev: the tests need all packages'
  [ "${SLIM_GPU:-0}" != 1 ] || fail 'SLIM_GPU=1 is for TensorFlow, which --serve leaves out'
fi

make_venv() {
  echo "setting up $venv with $("$1" --version)"
  "$1" -m venv --clear "$venv" || fail "$1 -m venv failed; on Debian: apt install python3-venv"
}

# Install the packages of the requirements, with more options for pip.
install() {
  local file packages=()
  for file in "${requirements[@]}"; do
    packages+=(-r "$file")
  done
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
    "$@" "${packages[@]}" ||
    fail 'the packages could not be installed (see above); run the same command again to continue'
}

# Keep an existing environment, unless its Python is missing, too old, or not the requested one.
current=$(version_of "$venv/bin/python") || current=none
if [ -n "${SLIM_PYTHON:-}" ]; then
  python=$(find_python)
  [ "$current" = "$(version_of "$python")" ] || make_venv "$python"
elif ! is_supported "$current"; then
  python=$(find_python)
  make_venv "$python"
fi

# A complete environment is kept complete: it is updated as a whole.
if is_complete; then
  serve=no
fi
if [ "$serve" = yes ]; then
  requirements=("$root/requirements-serve.txt")
else
  requirements=("$root/requirements.txt")
  # Before those of --dev, which the environment may have in addition.
  if [ "${SLIM_GPU:-0}" = 1 ]; then
    requirements+=("$root/requirements-gpu.txt")
  fi
  if [ "$dev" = yes ]; then
    requirements+=("$root/requirements-dev.txt")
  fi
fi

# An environment with the packages for tests also has those for the programs.
contents=$(wanted)
if [ -f "$stamp" ]; then
  installed=$(cat "$stamp")
  case $installed in "$contents"*) exit 0 ;; esac
fi

rm -f "$stamp"
if [ "$serve" = yes ]; then
  echo 'installing the packages of requirements-serve.txt (200 MB on disk, once) ...'
  install --no-compile
  # pip would also compile the tests of the packages and sympy, 40 MB that no program imports.
  # (onnxruntime for Python 3.10 requires sympy.)
  (cd "$venv/lib" && "$venv/bin/python" -m compileall -qq -x '/(sympy|mpmath|tests)/' .) || true
else
  echo 'installing the packages of requirements.txt (2.6 GB on disk, once) ...'
  install
fi
printf '%s\n' "$contents" >"$stamp"
echo "ready: $venv"
