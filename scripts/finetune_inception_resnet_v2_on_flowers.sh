#!/usr/bin/env bash
exec "$(dirname "${BASH_SOURCE[0]}")/finetune.sh" inception_resnet_v2 flowers "$@"
