"""The page for people: its content and its translations."""
