"""Data sets: published ones and a user's own pictures, converted to records on disk."""
