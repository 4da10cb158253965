"""What every room may use: plain Python, no TensorFlow, nothing else of this project."""
