#!/usr/bin/env bash
exec "$(dirname "${BASH_SOURCE[0]}")/finetune.sh" inception_v1 flowers "$@"
