"""The page for people: content and translations."""
