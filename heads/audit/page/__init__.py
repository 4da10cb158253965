"""The page about an audit: one HTML file that needs no other file."""
