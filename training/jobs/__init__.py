"""Whole trainings: in the background, in stages, in sweeps."""
