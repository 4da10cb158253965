"""Export and freezing: trained classifiers as files for other programs."""
