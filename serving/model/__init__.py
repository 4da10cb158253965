"""Load a model and run it for many callers at the same time."""
