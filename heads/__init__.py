"""Features of a network, computed once and kept on disk; heads that are fitted to them."""
