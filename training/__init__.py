"""Train networks, and evaluate checkpoints."""
