#!/usr/bin/env bash
exec "$(dirname "${BASH_SOURCE[0]}")/train_from_scratch.sh" lenet mnist "$@"
