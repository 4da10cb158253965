"""Published data sets and their layouts."""
