"""Weights that others publish: what there is, and downloading and converting them."""
