"""Layouts: where the layers of a network here are in the files of other programs."""
