"""Weights from files of other programs, as checkpoints of the networks here, and back."""
