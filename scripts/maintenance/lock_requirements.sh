#!/usr/bin/env bash
# Lock the dependencies of pyproject.toml in requirements*.txt: exact versions with the hashes of all
# their files, for all supported Python versions. Versions that still fit are kept.
#
#   scripts/maintenance/lock_requirements.sh                          after a change of pyproject.toml
#   scripts/maintenance/lock_requirements.sh --upgrade-package flask  upgrade one package
#   scripts/maintenance/lock_requirements.sh --upgrade                upgrade all packages
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

case "${1:-}" in
  -h | --help)
    print_usage "${BASH_SOURCE[0]}"
    exit
    ;;
esac
if command -v uv >/dev/null; then
  uv=(uv)
elif "$python" -c 'import uv' 2>/dev/null; then
  uv=("$python" -m uv)
else
  fail 'uv is missing; scripts/setup_env.sh --dev installs it'
fi

cd "$root"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What the server and classify_image.py need to run an ONNX model.
readonly SERVE=(absl-py flask numpy onnxruntime pillow simplejpeg waitress)

# Hashes prevent the installation of packages that were replaced.
lock() { # OUTPUT SOURCE OPTIONS...
  local output=$1
  shift
  "${uv[@]}" pip compile --quiet --universal --python-version 3.10 --generate-hashes \
    --no-annotate --no-header --output-file "$output" "$@"
}

# Print the packages of a file that requirements.txt does not have.
beyond_requirements() { # FILE
  awk 'NR == FNR { if (/^[a-z]/) have[$0]; next }
       /^[a-z]/ { keep = !($0 in have) }
       keep && /^[a-z ]/' "$work/requirements.txt" "$1"
}

# uv keeps the current versions, which it finds in its output file.
cp requirements.txt "$work"
lock "$work/requirements.txt" pyproject.toml "$@"
for extra in dev gpu; do
  full=$work/$extra.txt
  sed '/^-r /d' requirements.txt "requirements-$extra.txt" >"$full"
  lock "$full" pyproject.toml --extra "$extra" --constraint "$work/requirements.txt" "$@"
done
# A subset of the versions of requirements.txt; uv reads the names of a file that ends in .in.
printf '%s\n' "${SERVE[@]}" >"$work/serve.in"
lock "$work/serve.txt" "$work/serve.in" --constraint "$work/requirements.txt"

{
  echo '# The exact versions that CI runs. Made from pyproject.toml by scripts/maintenance/lock_requirements.sh.'
  cat "$work/requirements.txt"
} >requirements.txt
{
  echo '# What tests and checks need beside requirements.txt. Made by scripts/maintenance/lock_requirements.sh.'
  echo '-r requirements.txt'
  beyond_requirements "$work/dev.txt"
} >requirements-dev.txt
{
  echo "# NVIDIA's libraries for TensorFlow, beside requirements.txt. Made by scripts/maintenance/lock_requirements.sh."
  echo '-r requirements.txt'
  beyond_requirements "$work/gpu.txt"
} >requirements-gpu.txt
{
  echo '# What server.py and classify_image.py need for an ONNX model: no TensorFlow. Made by scripts/maintenance/lock_requirements.sh.'
  cat "$work/serve.txt"
} >requirements-serve.txt
