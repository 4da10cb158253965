"""A loaded model: from file to probabilities, for many callers at once."""
