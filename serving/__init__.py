"""Use of a trained classifier: exported, frozen, on the command line, behind a server."""
