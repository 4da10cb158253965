"""Checkpoints that others have published: their archives, and fetching them by name."""
