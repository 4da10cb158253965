"""The zoo: pictures in, (logits, end points) out. Knows nothing of files, flags or training."""
