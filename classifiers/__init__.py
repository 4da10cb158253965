"""What a trained classifier is: its description, its checkpoints, its graph."""
