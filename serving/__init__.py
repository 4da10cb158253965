"""Use a trained classifier: export it, freeze it, classify pictures, serve it."""
