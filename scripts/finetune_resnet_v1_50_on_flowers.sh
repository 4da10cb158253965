#!/usr/bin/env bash
exec "$(dirname "${BASH_SOURCE[0]}")/finetune.sh" resnet_v1_50 flowers "$@"
