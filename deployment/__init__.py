"""Run a network on several devices (clones) and machines (workers and parameter servers)."""
