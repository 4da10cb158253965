"""Trained classifiers: their descriptions, checkpoints and graphs."""
