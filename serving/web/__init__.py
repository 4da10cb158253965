"""The server: its page, its API and its limits."""
