"""Export and freeze trained classifiers as files for other programs."""
