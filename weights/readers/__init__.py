"""Readers: the tensors in a file, by name, without executing anything that the file contains."""
