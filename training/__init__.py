"""Training and evaluation: from options to checkpoints, and from checkpoints to figures."""
