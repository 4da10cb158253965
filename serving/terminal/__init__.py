"""Classification on the command line."""
