"""Evaluation of checkpoints: metrics, reports, predictions and plots."""
