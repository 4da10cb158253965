"""Train only the head of a network, on features that are computed once."""
