"""Reading, checking and editing TensorFlow graphs."""
