"""Sample pictures that are drawn, so that everything works offline."""
