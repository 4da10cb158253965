"""The networks: functions from pictures to (logits, end points); no files, flags or training."""
