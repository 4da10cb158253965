"""What an evaluation finds out about the limits of a classifier, on known and unknown pictures."""
